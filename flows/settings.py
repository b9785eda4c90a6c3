"""Where and how fast flows run: the only place that reads the environment."""

import os

from schemas.llm import LlmLimits
from schemas.runtime import Runtime

STORE = "CONTEXTFIRST_STORE"
REPORTS_URL = "CONTEXTFIRST_REPORTS_URL"
RESPONSES = "CONTEXTFIRST_RESPONSES"
TRACKERS = "CONTEXTFIRST_TRACKERS"


def runtime(llm: LlmLimits, rehash: bool = False) -> Runtime:
    """The runtime of this machine: store from CONTEXTFIRST_STORE, default ./store. llm: the recipe's limits."""
    cores = os.cpu_count() or 1
    return Runtime(
        store=os.environ.get(STORE, "store"),
        workers=cores,
        llm=llm,
        training_slots=max(1, cores),
        rehash=rehash,
        responses=os.environ.get(RESPONSES, ""),
        reports_url=os.environ.get(REPORTS_URL, ""),
        trackers=tuple(os.environ.get(TRACKERS, "").split()),
    )
