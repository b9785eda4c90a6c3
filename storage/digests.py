"""SHA-256 of local files, read again only when the file may have changed.

The index keys a digest by path, size, mtime in nanoseconds and inode, so that terabytes are not rehashed on every
rerun. It is a cache: deleting it costs time, never correctness.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from llm.database import open_shared

_TABLE = """CREATE TABLE IF NOT EXISTS digests (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 TEXT) WITHOUT ROWID"""
_KNOWN = """SELECT path, size, mtime_ns, inode, sha256 FROM digests
    WHERE path IN (SELECT value FROM json_each(?))"""
_AT_ONCE = 10_000


class State(NamedTuple):
    """What a file shows without being read: bytes, time in nanoseconds, inode."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "State":
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


def hash_file(path: str | Path) -> str:
    """Hex SHA-256 of a file's bytes, always read."""
    with open(path, "rb") as stream:  # noqa: PTH123  a hundred thousand names need no Path each
        return hashlib.file_digest(stream, "sha256").hexdigest()


class DigestIndex:
    """Digests by path, in a SQLite file that several threads and processes may share."""

    def __init__(self, path: Path, reread: bool = False) -> None:
        self._reread = reread
        self._lock = threading.Lock()
        self._connection = open_shared(path, _TABLE)

    def digest(self, path: Path) -> str:
        """SHA-256 of `path`. Raises OSError when it cannot be read."""
        place = str(path.absolute())
        return self.digests({place: State.of(os.stat(place))}, workers=1)[place]

    def digests(self, files: Mapping[str, State], workers: int) -> dict[str, str]:
        """SHA-256 of many files, given by absolute path and what they showed just now, in their order.

        Hashing leaves the interpreter lock, so threads are enough. Raises OSError for one that cannot be read.
        """
        known = {} if self._reread else self._known(files)
        unknown = [path for path in files if path not in known]
        if unknown:
            with ThreadPoolExecutor(max_workers=workers) as pool:
                known |= zip(unknown, pool.map(self._hash, unknown, map(files.__getitem__, unknown)), strict=True)
        return {path: known[path] for path in files}

    def remember(self, path: Path, sha256: str) -> None:
        """Record a digest that was computed while the file was written."""
        self.remember_all({str(path.absolute()): sha256})

    def remember_all(self, digests: Mapping[str, str]) -> None:
        """Record digests by absolute path."""
        self._record((path, State.of(os.stat(path)), sha256) for path, sha256 in digests.items())

    def close(self) -> None:
        self._connection.close()

    def _hash(self, path: str, state: State) -> str:
        sha256 = hash_file(path)
        if State.of(os.stat(path)) == state:  # written to while it was read: right for now, not worth remembering
            self._record([(path, state, sha256)])
        return sha256

    def _record(self, rows: Iterable[tuple[str, State, str]]) -> None:
        known = [(path, *state, sha256) for path, state, sha256 in rows]
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", known)

    def _known(self, files: Mapping[str, State]) -> dict[str, str]:
        known: dict[str, str] = {}
        paths = iter(files)
        while some := list(islice(paths, _AT_ONCE)):
            for path, size, mtime_ns, inode, sha256 in self._rows(some):
                if files[path] == (size, mtime_ns, inode):
                    known[path] = sha256
        return known

    def _rows(self, paths: list[str]) -> list[tuple[str, int, int, int, str]]:
        with self._lock:
            return self._connection.execute(_KNOWN, (json.dumps(paths),)).fetchall()
