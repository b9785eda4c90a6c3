"""A publisher's folder as readers see it: file names, relative to its root, and the local file of each.

The listing comes from a `source` artifact, so a reader never walks a disk and never leaves the root.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from media.blobs import blob_path
from schemas.canonical import fingerprint
from schemas.values import UserError
from storage import blobs as blob_store
from storage.digests import DigestIndex, State
from storage.filenames import matches
from storage.parquet import read_table, shard_name, write_rows
from storage.walk import walk

FILES = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
    ]
)


class Entry(NamedTuple):
    """One file: POSIX path relative to the root, its digest, and bytes."""

    path: str
    digest: str
    size: int


class Folder:
    """Files of one listing, found by name. revision: what its state is called."""

    def __init__(self, blobs: Path, entries: Iterable[Entry], revision: str = "") -> None:
        self.revision = revision
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


def list_folder(root: Path, blobs: Path, index: DigestIndex, workers: int, patterns: Sequence[str] = ()) -> list[Entry]:
    """Digest and link every file below `root` that fits a pattern, sorted by name; see `storage.walk` for links.

    Raises UserError when it is no folder, holds no such file, or one that may not be read.
    """
    if not root.is_dir():
        raise UserError(f"dataset folder {root} does not exist: download it there or correct the source's `folder`")
    found = dict(sorted((name, state) for name, state in walk(root) if matches(name, patterns)))
    if not found:
        kind = f"no file that fits {', '.join(patterns)}" if patterns else "no files"
        raise UserError(f"dataset folder {root} holds {kind}: download the dataset there first")
    place = str(root.absolute())
    digests = _digests({f"{place}/{name}": state for name, state in found.items()}, index, workers)
    for digest, path in {digest: path for path, digest in reversed(digests.items())}.items():
        blob_store.link(blobs, path, digest)  # of files with the same content, the first
    return [
        Entry(name, digest, state.size) for (name, state), digest in zip(found.items(), digests.values(), strict=True)
    ]


def _digests(files: Mapping[str, State], index: DigestIndex, workers: int) -> dict[str, str]:
    try:
        return index.digests(files, workers)
    except PermissionError as error:
        raise UserError(f"{error.filename} may not be read: give yourself the right to, or leave it out") from error


def tree_digest(entries: Iterable[Entry]) -> str:
    """One digest of a folder's names and contents, wherever it lies."""
    return fingerprint(sorted([path, digest] for path, digest, _ in entries))


def write_listing(artifact: Path, entries: Iterable[Entry]) -> None:
    """Write a listing as a table of the artifact in a folder."""
    write_rows(artifact / shard_name("files", 0), (entry._asdict() for entry in entries), FILES)


def is_listed(artifact: Path) -> bool:
    """Whether the folder holds a listing."""
    return (artifact / shard_name("files", 0)).exists()


def read_entries(artifact: Path) -> list[Entry]:
    """The listing that a folder holds."""
    table = read_table(artifact, "files", FILES)
    return list(map(Entry, *(column.to_pylist() for column in table.columns)))


def read_listing(artifact: Path, blobs: Path, revision: str = "") -> Folder:
    """The folder whose listing an artifact holds."""
    return Folder(blobs, read_entries(artifact), revision)
