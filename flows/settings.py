"""Where and how fast flows run: the only place that reads the environment."""

import os

from schemas.values import Runtime

STORE = "CONTEXTFIRST_STORE"
REPORTS_URL = "CONTEXTFIRST_REPORTS_URL"


def runtime(rehash: bool = False) -> Runtime:
    """The runtime of this machine: store from CONTEXTFIRST_STORE, default ./store."""
    cores = os.cpu_count() or 1
    return Runtime(
        store=os.environ.get(STORE, "store"),
        workers=cores,
        training_slots=max(1, cores),
        rehash=rehash,
        reports_url=os.environ.get(REPORTS_URL, ""),
    )
