"""What has been uploaded to a vendor and can be named again instead: files there, by the digest of what was sent.

SQLite in WAL mode, shared by the processes of one host. Two processes may upload the same file at once; both uploads
are kept, so that either can be deleted when the vendor's storage runs full.
"""

import time
from pathlib import Path

from llm.database import open_shared
from schemas.values import Value

_TABLE = """CREATE TABLE IF NOT EXISTS uploads (
    account TEXT, digest TEXT, name TEXT, uri TEXT, mime TEXT, size INTEGER, expires REAL, ready INTEGER, used REAL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_digest ON uploads (account, digest, expires)"
_COLUMNS = "digest, name, uri, mime, size, expires, ready"


class Upload(Value):
    """A file at a vendor's. digest: hex SHA-256 of its bytes. size: bytes. expires: seconds since the epoch.

    ready: whether the vendor has finished with it, so that it can be asked about.
    """

    digest: str
    name: str
    uri: str
    mime: str
    size: int
    expires: float
    ready: bool


class UploadTable:
    """The uploads of one account. account: what names it without giving its key away."""

    def __init__(self, path: Path, account: str) -> None:
        self._account = account
        self._connection = open_shared(path, _TABLE, _INDEX)

    def find(self, digest: str, mime: str, until: float) -> Upload | None:
        """The upload that is ready and lasts longest, if it lasts until then; it counts as used now."""
        where = "digest = ? AND mime = ? AND expires > ? AND ready ORDER BY expires DESC LIMIT 1"
        found = next(iter(self._read(where, digest, mime, until)), None)
        if found:
            self._write("UPDATE uploads SET used = ? WHERE account = ? AND name = ?", time.time(), found.name)
        return found

    def longest_unused(self) -> list[Upload]:
        """All that have not expired, the one that was used longest ago first."""
        return self._read("expires > ? ORDER BY used", time.time())

    def keep(self, upload: Upload) -> None:
        """Add an upload, or what has changed of it; what has expired leaves."""
        marks = f"INSERT OR REPLACE INTO uploads (used, account, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._write(marks, time.time(), *upload.model_dump().values())
        self._connection.execute("DELETE FROM uploads WHERE expires < ?", (time.time(),))

    def forget(self, name: str) -> None:
        self._connection.execute("DELETE FROM uploads WHERE account = ? AND name = ?", (self._account, name))

    def close(self) -> None:
        self._connection.close()

    def _read(self, where: str, *values: object) -> list[Upload]:
        query = f"SELECT {_COLUMNS} FROM uploads WHERE account = ? AND {where}"
        names = _COLUMNS.split(", ")
        rows = self._connection.execute(query, (self._account, *values)).fetchall()
        return [Upload.model_validate(dict(zip(names, row, strict=True))) for row in rows]

    def _write(self, statement: str, used: float, *values: object) -> None:
        self._connection.execute(statement, (used, self._account, *values))
