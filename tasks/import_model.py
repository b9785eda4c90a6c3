"""A checkpoint from a folder outside the store: linked, with its files' digests as its identity."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.folder import Entry, list_folder, tree_digest
from storage.store import Store
from tasks.stage import stage
from training.harmless import check_harmless
from training.model_types import model_type_at


class ImportParams(Params):
    """revision: what the user calls this state of the checkpoint."""

    revision: str


class ImportRuntime(Runtime):
    """Where the checkpoint lies. Not identity."""

    folder: str


def _digest_folder(params: Params, runtime: Runtime, store: Store, inputs: Mapping[str, Artifact]) -> str:
    del params, inputs
    return tree_digest(_list(runtime, store))


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="checkpoint", outside=_digest_folder)
def import_model(draft: Draft, params: ImportParams, runtime: ImportRuntime) -> None:
    del params
    for entry in _list(runtime, Store(runtime.store)):
        link = draft.folder / "model" / entry.path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((Path(runtime.folder) / entry.path).absolute())


def _list(runtime: Runtime, store: Store) -> list[Entry]:
    if not isinstance(runtime, ImportRuntime):
        raise TypeError("an imported model needs an ImportRuntime")
    root = Path(runtime.folder)
    model_type_at(root)  # raises UserError for what could not be trained
    check_harmless(root)
    return list_folder(root, store.blobs, store.index, runtime.workers)
