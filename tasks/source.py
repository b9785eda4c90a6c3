"""A publisher's folder as found: every file with its digest, linked by digest into the store.

What is in its archives is unpacked into the store once and listed as if it had been unpacked in place.
"""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.folder import Entry, list_folder, tree_digest, write_listing
from storage.room import Limits
from storage.store import Store
from storage.unpacking import unpack_all
from tasks.stage import stage
from tasks.telling import tell


class SourceParams(Params):
    """dataset: which reader the folder is for. revision: what the user calls this state of it, or the hub's commit.

    files: shell patterns of the files to list; all if there are none. unpack: list members of archives too.
    """

    dataset: str
    revision: str
    files: tuple[str, ...] = ()
    unpack: bool = True


class SourceRuntime(Runtime):
    """Where the folder lies: on this machine, or inside the artifact that is given. Not identity.

    max_unpacked_gb: stop when more comes out of the folder's archives.
    """

    folder: str
    max_unpacked_gb: float = 1000.0


def _digest_folder(params: Params, runtime: Runtime, store: Store, inputs: Mapping[str, Artifact]) -> str:
    """Runs on every call, reused or not, so that moved folders are linked anew."""
    return tree_digest(_list(params, runtime, store, inputs.get("within")))


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="2", kind="folder", outside=_digest_folder)
def source(draft: Draft, params: SourceParams, within: Artifact | None, runtime: SourceRuntime) -> None:
    entries = _list(params, runtime, Store(runtime.store), within)
    draft.entered = draft.left = len(entries)
    write_listing(draft.folder, entries)


def _list(params: Params, runtime: Runtime, store: Store, within: Artifact | None) -> list[Entry]:
    if not isinstance(params, SourceParams) or not isinstance(runtime, SourceRuntime):
        raise TypeError("a source needs SourceParams and a SourceRuntime")
    root = store.folder(within) / runtime.folder if within else Path(runtime.folder)
    entries = list_folder(root, store.blobs, store.index, runtime.workers, params.files)
    if not params.unpack:
        return entries
    return unpack_all(entries, store, tell, Limits(size=int(runtime.max_unpacked_gb * 1e9)))
