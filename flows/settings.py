"""Where and how fast flows run, as the environment says."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.llm import LlmLimits
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.origin import CACHE
from storage.remote import path_of, url_of

STORE = "CONTEXTFIRST_STORE"
REPORTS_URL = "CONTEXTFIRST_REPORTS_URL"
RESPONSES = "CONTEXTFIRST_RESPONSES"
TRACKERS = "CONTEXTFIRST_TRACKERS"
NOTIFY = "CONTEXTFIRST_NOTIFY"
VLLM_FOLDER = "CONTEXTFIRST_VLLM_FOLDER"


_GPU = Path("/dev/nvidia0")
"""Where there is one, training processes take turns: each would fill its memory."""
_FIELDS = {
    "threads": "CONTEXTFIRST_THREADS",
    "workers": "CONTEXTFIRST_WORKERS",
    "training_slots": "CONTEXTFIRST_TRAINING_SLOTS",
    "generators": "CONTEXTFIRST_GENERATORS",
    "judge_deadline": "CONTEXTFIRST_JUDGE_DEADLINE",
    "collective_timeout": "CONTEXTFIRST_COLLECTIVE_TIMEOUT",
    "executor": "CONTEXTFIRST_EXECUTOR",
    "nodes": "CONTEXTFIRST_NODES",
    "rendezvous": "CONTEXTFIRST_RENDEZVOUS",
    "launcher": "CONTEXTFIRST_LAUNCHER",
    "vllm_folder": VLLM_FOLDER,
    "vllm_memory": "CONTEXTFIRST_VLLM_MEMORY",
    "vllm_url": "CONTEXTFIRST_VLLM_URL",
    "vllm_port": "CONTEXTFIRST_VLLM_PORT",
}
"""Variables that set a field of the runtime."""
_NAMES = _FIELDS | {"store": STORE, "responses": RESPONSES, "reports_url": REPORTS_URL, "trackers": TRACKERS}


def notified() -> str:
    """Who is told of runs that fail: a webhook's URL, a command, or nobody."""
    return os.environ.get(NOTIFY, "").strip()


def runtime(llm: LlmLimits, rehash: bool = False) -> Runtime:
    """The runtime of this machine: store from CONTEXTFIRST_STORE, default ./store. llm: the recipe's limits.

    A relative path is meant from here, also by processes that are started elsewhere. Raises UserError for a variable
    that does not fit.
    """
    if CACHE in os.environ:  # whoever opens a store in a bucket reads it
        os.environ[CACHE] = _from_here(os.environ[CACHE])
    cores = os.cpu_count() or 1
    given = {field: os.environ[name] for field, name in _FIELDS.items() if os.environ.get(name)}
    usual: dict[str, Any] = {"workers": cores, "training_slots": 1 if _GPU.exists() else cores}
    try:
        return Runtime(
            **{**usual, **given},
            store=_from_here(os.environ.get(STORE) or "store"),
            llm=llm,
            rehash=rehash,
            responses=_from_here(os.environ.get(RESPONSES, "")),
            reports_url=os.environ.get(REPORTS_URL, ""),
            trackers=tuple(os.environ.get(TRACKERS, "").split()),
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        name, why = _NAMES[str(wrong["loc"][0])], wrong["msg"].lower().removeprefix("value error, ")
        raise UserError(f"{name} is {wrong['input']!r}: {why}") from error


def _from_here(place: str) -> str:
    """Lanes and training start in the program's folder."""
    return place if not place or url_of(place) else str(path_of(place).absolute())
