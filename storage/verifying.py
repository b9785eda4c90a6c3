"""Every byte of the store read again and compared with what was written: files with their manifest, manifests with
their own seal."""

from collections.abc import Iterator
from pathlib import Path

from schemas.artifact import Artifact
from schemas.values import UserError
from storage.manifests import MANIFEST
from storage.store import Store


def verify(store: Store, only: Artifact | None = None) -> Iterator[list[str]]:
    """What differs, a line each, of every artifact in turn, or of one; an empty list for one that is as it was written.

    Raises StoreUnreachable when a bucket does not answer: what cannot be read is not said to be damaged.
    """
    paths = [store.root / only.stage / only.fingerprint / MANIFEST] if only else sorted(store.manifest_files())
    for path in paths:
        yield _faults(store, path)


def _faults(store: Store, path: Path) -> list[str]:
    try:
        manifest = store.read(path.parts[-3], path.parts[-2])
    except UserError as error:
        return [str(error)]
    return store.faults(manifest, reread=True)
