"""Which batch jobs a vendor works on for us, so that a run that was killed waits for its job and pays for no other.

A job is noted before it is asked for, and named when the vendor has named it. One that is noted and has no name may
or may not be there: it is looked for by its digest, under which it was asked for.
"""

from pathlib import Path

from llm.database import open_shared

_TABLE = """CREATE TABLE IF NOT EXISTS jobs (
    account TEXT, digest TEXT, name TEXT, PRIMARY KEY (account, digest)
) WITHOUT ROWID"""


class JobTable:
    """The jobs of one account, by the digest of their requests; SQLite in WAL mode, shared by processes."""

    def __init__(self, path: Path, account: str) -> None:
        self._account = account
        self._connection = open_shared(path, _TABLE)

    def find(self, digest: str) -> str | None:
        """The job's name; empty for one that was noted and not named; None for one not noted."""
        query = "SELECT name FROM jobs WHERE account = ? AND digest = ?"
        row = self._connection.execute(query, (self._account, digest)).fetchone()
        return row[0] if row else None

    def keep(self, digest: str, name: str = "") -> None:
        """Note a job, or its name."""
        self._connection.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", (self._account, digest, name))

    def forget(self, digest: str) -> None:
        self._connection.execute("DELETE FROM jobs WHERE account = ? AND digest = ?", (self._account, digest))

    def close(self) -> None:
        self._connection.close()
