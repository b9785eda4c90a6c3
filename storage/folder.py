"""A publisher's folder as readers see it: file names, relative to its root, and the local file of each.

The listing comes from a `source` artifact, so a reader never walks a disk and never leaves the root.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow as pa

from media.blobs import blob_path
from schemas.canonical import fingerprint
from schemas.values import UserError, Value
from storage import blobs as blob_store
from storage.digests import DigestIndex
from storage.parquet import read_rows, shard_name, write_rows

FILES = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
    ]
)


class Entry(Value):
    """One file: POSIX path relative to the root, its digest, and bytes."""

    path: str
    digest: str
    size: int


class Folder:
    """Files of one listing, found by name."""

    def __init__(self, blobs: Path, entries: Iterable[Entry]) -> None:
        self._blobs = blobs
        self._entries = {entry.path: entry for entry in entries}

    def names(self, pattern: str = "*") -> list[str]:
        """Sorted names that match a shell pattern; `*` matches across folders."""
        return sorted(name for name in self._entries if fnmatchcase(name, pattern))

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def entry(self, name: str) -> Entry:
        """Raises KeyError for a name that is not listed."""
        return self._entries[name]

    def local(self, name: str) -> Path:
        """A readable local file with the content of `name`. Raises KeyError for a name that is not listed."""
        return blob_path(self._blobs, self._entries[name].digest)

    def keep(self, name: str, content: bytes) -> None:
        """Make bytes that were shipped inside a table addressable as a file of the folder."""
        digest = blob_store.keep(self._blobs, content)
        self._entries[name] = Entry(path=name, digest=digest, size=len(content))


def list_folder(root: Path, blobs: Path, index: DigestIndex, workers: int) -> list[Entry]:
    """Digest and link every file below `root`. Raises UserError when it is no folder or holds no file."""
    if not root.is_dir():
        raise UserError(f"dataset folder {root} does not exist: download it there or correct the source's `folder`")
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    if not paths:
        raise UserError(f"dataset folder {root} holds no files: download the dataset there first")
    digests = index.digest_all(paths, workers)
    for path, digest in digests.items():
        blob_store.link(blobs, path, digest)
    return [
        Entry(path=path.relative_to(root).as_posix(), digest=digest, size=path.stat().st_size)
        for path, digest in digests.items()
    ]


def tree_digest(entries: Iterable[Entry]) -> str:
    """One digest of a folder's names and contents, wherever it lies."""
    return fingerprint(sorted([entry.path, entry.digest] for entry in entries))


def write_listing(artifact: Path, entries: Iterable[Entry]) -> None:
    """Write a listing as a table of the artifact in a folder."""
    write_rows(artifact / shard_name("files", 0), (entry.model_dump() for entry in entries), FILES)


def read_listing(artifact: Path, blobs: Path) -> Folder:
    """The folder whose listing an artifact holds."""
    return Folder(blobs, (Entry.model_validate(row) for row in read_rows(artifact, "files")))
