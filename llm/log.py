"""The response log: each finished response, durable, so that no answer is paid for twice.

SQLite in WAL mode, shared by the processes of one host. Responses are committed in small batches; a kill loses at
most the batch in memory. Only answers are reused; refusals and truncations are kept as what they are.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from llm.request import Outcome, Request

_BATCH = 32
_SECONDS = 0.5
_TABLE = """CREATE TABLE IF NOT EXISTS responses (
    identity TEXT PRIMARY KEY, provider TEXT, model TEXT, prompt TEXT, version INTEGER, text TEXT, failure TEXT,
    detail TEXT, request_id TEXT, input_tokens INTEGER, output_tokens INTEGER, cost REAL, finished REAL
) WITHOUT ROWID"""
_COLUMNS = "identity, text, request_id, input_tokens, output_tokens, cost"


class ResponseLog:
    """Responses by request identity."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._pending: list[tuple[object, ...]] = []
        self._committed = time.monotonic()
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_TABLE)

    def answers(self, requests: Iterable[Request]) -> dict[str, Outcome]:
        """The logged answers to any of the requests, by identity."""
        self.flush()
        wanted = sorted({request.identity for request in requests})
        found: dict[str, Outcome] = {}
        for start in range(0, len(wanted), 500):
            found |= self._fetch(wanted[start : start + 500])
        return found

    def record(self, request: Request, outcome: Outcome) -> None:
        """Add a finished response; a later answer replaces an earlier failure, never the other way round."""
        with self._lock:
            self._pending.append(_row(request, outcome))
            if len(self._pending) >= _BATCH or time.monotonic() - self._committed > _SECONDS:
                self._commit()

    def flush(self) -> None:
        """Commit what is in memory."""
        with self._lock:
            self._commit()

    def close(self) -> None:
        self.flush()
        self._connection.close()

    def _fetch(self, identities: list[str]) -> dict[str, Outcome]:
        marks = ",".join("?" * len(identities))
        query = f"SELECT {_COLUMNS} FROM responses WHERE text IS NOT NULL AND identity IN ({marks})"
        with self._lock:
            rows = self._connection.execute(query, identities).fetchall()
        return {
            identity: Outcome(
                identity=identity,
                text=text,
                request_id=request_id,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cost=cost,
                cached=True,
            )
            for identity, text, request_id, input_tokens, output_tokens, cost in rows
        }

    def _commit(self) -> None:
        self._committed = time.monotonic()
        if not self._pending:
            return
        marks = ",".join("?" * 13)
        with self._connection:  # commits, or rolls back
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                f"INSERT INTO responses VALUES ({marks}) ON CONFLICT (identity) DO UPDATE SET text = excluded.text, "
                "failure = excluded.failure, detail = excluded.detail, request_id = excluded.request_id, "
                "input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cost = excluded.cost, "
                "finished = excluded.finished WHERE responses.text IS NULL",
                self._pending,
            )
        self._pending.clear()


def _row(request: Request, outcome: Outcome) -> tuple[object, ...]:
    return (
        request.identity,
        request.provider,
        request.model,
        request.prompt,
        request.version,
        outcome.text,
        outcome.failure,
        outcome.detail,
        outcome.request_id,
        outcome.input_tokens,
        outcome.output_tokens,
        outcome.cost,
        time.time(),
    )
