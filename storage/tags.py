"""Which version of a bucket's object this machine has seen last, by key. A cache: deleting it costs time alone."""

import threading
from collections.abc import Mapping
from pathlib import Path

from llm.database import open_shared

_TABLE = "CREATE TABLE IF NOT EXISTS tags (key TEXT PRIMARY KEY, tag TEXT) WITHOUT ROWID"


class Tags:
    """Tags by key, in a SQLite file that several threads and processes may share."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_shared(path, _TABLE)

    def put(self, key: str, tag: str) -> None:
        self.put_all({key: tag})

    def put_all(self, tags: Mapping[str, str]) -> None:
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?)", tags.items())

    def all(self) -> dict[str, str]:
        with self._lock:
            return dict(self._connection.execute("SELECT key, tag FROM tags"))

    def close(self) -> None:
        self._connection.close()
