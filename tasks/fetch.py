"""A dataset of the hub at one commit: its files under `files/`, each with the bytes that the hub states.

What was fetched stays in the draft when a run is killed, half of a file included, and the next run carries on. Large
files that another commit brought already are linked from there.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from media.blobs import blob_path
from schemas.canonical import sha256_text
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.hub import HubFile, Repository, download, files_of, is_whole
from storage.store import Store
from tasks.hub_faults import RETRIES, RETRY_SECONDS, is_network_fault
from tasks.stage import stage

FILES = "files"
_STREAMS = 8


class FetchParams(Params):
    """repository: `owner/name` of a dataset. commit: 40 hex digits. files: shell patterns; all if there are none."""

    repository: str
    commit: str
    files: tuple[str, ...] = ()


class FetchRuntime(Runtime):
    """endpoint: address of the hub, if not the one that HF_ENDPOINT names. Not identity: a commit has the same files
    everywhere."""

    endpoint: str | None = None


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=is_network_fault,
)
@stage(version="1", kind="folder")
def fetch(draft: Draft, params: FetchParams, runtime: FetchRuntime) -> None:
    store, repository = Store(runtime.store), Repository(params.repository, runtime.endpoint)
    files = files_of(repository, params.commit, params.files)
    count = _Count(draft, sum(file.size for file in files))

    def bring(file: HubFile) -> None:
        to, partial = draft.folder / FILES / file.path, draft.work / f"{sha256_text(file.path)}.part"
        if _is_here(file, to, store):
            count(file.size)
        else:
            download(repository, params.commit, file, to, partial, count)
            if file.large:
                store.index.remember(to, file.digest)

    _each(bring, files)
    draft.entered = draft.left = len(files)


class _Count:
    """Bytes that came, from several threads."""

    def __init__(self, draft: Draft, total: int) -> None:
        self._draft, self._total, self._done = draft, total, 0
        self._lock = threading.Lock()

    def __call__(self, came: int) -> None:
        with self._lock:
            self._done += came
            self._draft.progress(self._done, self._total, "bytes")


def _each(bring: Callable[[HubFile], None], files: list[HubFile]) -> None:
    """Bring several files at a time. After a fault those that wait are not begun."""
    with ThreadPoolExecutor(_STREAMS) as pool:
        futures = [pool.submit(copy_context().run, bring, file) for file in files]  # so that each can tell of progress
        try:
            for future in futures:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _is_here(file: HubFile, to: Path, store: Store) -> bool:
    """Whether the file was fetched by an earlier holder of the draft, or lies elsewhere in the store."""
    if to.exists() and is_whole(file, to, store.index.digest):
        return True
    place = blob_path(store.blobs, file.digest).resolve()
    if not (file.large and place.is_relative_to(store.root.resolve()) and place.exists()):
        return False
    if not is_whole(file, place, store.index.digest):
        return False
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)
    os.link(place, to)
    return True
