"""SQLite files that the processes of one host share: opened in one way.

They may be closed anyhow, or left to the end of their process: the last user removes the write-ahead log under a lock
of SQLite's own, for which whoever opens waits.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY_SECONDS = 60.0


def open_shared(path: Path, *statements: str) -> sqlite3.Connection:
    """A connection in WAL mode that commits by itself, after the statements that make the tables.

    Any thread may use it, one at a time. Raises sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        try:
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", *statements):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """One process at a time: SQLite does not wait for its turn when a write-ahead log is begun."""
    with database.with_suffix(".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
