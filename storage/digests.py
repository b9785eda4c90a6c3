"""SHA-256 of local files, read again only when the file may have changed.

The index keys a digest by path, size, mtime in nanoseconds and inode, so that terabytes are not rehashed on every
rerun. It is a cache: deleting it costs time, never correctness.
"""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_TABLE = """CREATE TABLE IF NOT EXISTS digests (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 TEXT) WITHOUT ROWID"""


def hash_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, always read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class DigestIndex:
    """Digests by path, in a SQLite file that several threads and processes may share."""

    def __init__(self, path: Path, reread: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._reread = reread
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_TABLE)

    def digest(self, path: Path) -> str:
        """SHA-256 of `path`. Raises OSError when it cannot be read."""
        key, state = str(path.absolute()), _state(path)
        if not self._reread and (known := self._lookup(key, state)):
            return known
        sha256 = hash_file(path)
        if _state(path) == state:  # written to while it was read: right for this moment, not worth remembering
            self.remember(path, sha256)
        return sha256

    def digest_all(self, paths: Iterable[Path], workers: int) -> dict[Path, str]:
        """Digests of many files. Hashing leaves the interpreter lock, so threads are enough."""
        ordered = list(paths)
        with ThreadPoolExecutor(max_workers=workers) as pool:
            return dict(zip(ordered, pool.map(self.digest, ordered), strict=True))

    def remember(self, path: Path, sha256: str) -> None:
        """Record a digest that was computed while the file was written."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)",
                (str(path.absolute()), *_state(path), sha256),
            )

    def close(self) -> None:
        self._connection.close()

    def _lookup(self, key: str, state: tuple[int, int, int]) -> str | None:
        with self._lock:
            row = self._connection.execute(
                "SELECT sha256 FROM digests WHERE path = ? AND size = ? AND mtime_ns = ? AND inode = ?",
                (key, *state),
            ).fetchone()
        return row[0] if row else None


def _state(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ino
