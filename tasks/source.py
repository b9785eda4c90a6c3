"""A publisher's folder as found: every file with its digest, linked by digest into the store."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.values import Params, Runtime
from storage.draft import Draft
from storage.folder import Entry, list_folder, tree_digest, write_listing
from storage.store import Store
from tasks.stage import stage


class SourceParams(Params):
    """dataset: which reader the folder is for. revision: what the user calls this state of it."""

    dataset: str
    revision: str


class SourceRuntime(Runtime):
    """Where the folder lies: on this machine, or inside the made corpus when that is given. Not identity."""

    folder: str


def _digest_folder(params: Params, runtime: Runtime, store: Store, inputs: Mapping[str, Artifact]) -> str:
    """Runs on every call, reused or not, so that moved folders are linked anew."""
    del params
    return tree_digest(_list(runtime, store, inputs.get("corpus")))


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="folder", outside=_digest_folder)
def source(draft: Draft, params: SourceParams, corpus: Artifact | None, runtime: SourceRuntime) -> None:
    del params
    entries = _list(runtime, Store(runtime.store), corpus)
    draft.entered = draft.left = len(entries)
    write_listing(draft.folder, entries)


def _list(runtime: Runtime, store: Store, corpus: Artifact | None) -> list[Entry]:
    if not isinstance(runtime, SourceRuntime):
        raise TypeError("a source needs a SourceRuntime")
    root = Path(runtime.folder)
    if corpus:
        root = store.folder(corpus) / runtime.folder
    return list_folder(root, store.blobs, store.index, runtime.workers)
