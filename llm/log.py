"""The response log: each finished response, durable, so that no answer is paid for twice.

SQLite in WAL mode, shared by the processes of one host, never on a network disk. Responses are committed in small
batches; a kill loses at most the batch in memory. Answers are reused by everyone. A final failure (a refusal, a reply
cut short) is kept as what it is and stands for the `scope` that met it, so that a killed run ends as an undisturbed
one would; the next artifact asks anew. What a failure has cost stays spent, also when it is forgotten (`llm.rows`).

Before requests are sent they are claimed, so that two processes that want the same answer pay for it once. A claim is
held by a lock that the kernel drops with its process: whoever comes next takes over what a dead one left open.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from llm import rows
from llm.database import alone, open_shared
from llm.owner import Owner
from llm.request import Outcome, Request
from schemas.values import UserError

FORMAT = 2
BATCH = 32
_SECONDS = 0.05
_TABLES = f"""{rows.TABLES}
CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (identity TEXT PRIMARY KEY, owner TEXT, sent REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    provider TEXT, model TEXT, prompt TEXT, event TEXT, number INTEGER, PRIMARY KEY (provider, model, prompt, event)
) WITHOUT ROWID;
"""
_KEPT = "identity, text, failure, detail, said, request_id, finish, input_tokens, output_tokens, cost, latency"
_FIND = f"""SELECT {_KEPT} FROM responses WHERE identity IN (SELECT value FROM json_each(?))
    AND (failure IS NULL OR (scope = ? AND {rows.OF_THE_ROW}))"""
_COUNT = """INSERT INTO events VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (provider, model, prompt, event) DO UPDATE SET number = number + excluded.number"""


class Claims(NamedTuple):
    """What became of a list of requests, by identity: ended before; ours to send; another process's, which sends it."""

    known: dict[str, Outcome]
    mine: set[str]
    others: set[str]
    lost: int
    """Of ours, those that were under way when the process that had sent them died."""


class ResponseLog:
    """Responses by request identity. For one thread; close it when done.

    scope: the artifact that is being made. Raises UserError for a log of another format, and
    where it cannot be written: what was committed before stays readable.
    """

    def __init__(self, path: Path, scope: str = "") -> None:
        self._path = path
        self._scope = scope
        self._ended: list[rows.Row] = []
        self._events: Counter[tuple[str, str, str, str]] = Counter()
        self._sent: dict[str, float] = {}
        self._committed = time.monotonic()
        self._connection = open_log(path)
        self._owner = Owner(path)

    def claim(self, requests: Sequence[Request]) -> Claims:
        """Find what has ended, and reserve the rest for this process where nobody living has done so."""
        self.flush()
        wanted = {request.identity for request in requests}
        with self._writing():
            known = self._find(wanted)
            held = self._held(wanted - known.keys())
            others = {
                name for name, (owner, _) in held.items() if owner != self._owner.name and self._owner.lives(owner)
            }
            mine = wanted - known.keys() - others
            self._connection.executemany(
                "INSERT INTO claims VALUES (?, ?, NULL) ON CONFLICT (identity) DO UPDATE SET owner = excluded.owner, "
                "sent = NULL",
                [(name, self._owner.name) for name in sorted(mine)],
            )
        lost = sum(held[name][1] is not None for name in mine & held.keys() if held[name][0] != self._owner.name)
        return Claims(known, mine, others, lost)

    def answers(self, requests: Iterable[Request]) -> dict[str, Outcome]:
        """What is logged of any of the requests and may be used in this scope, by identity."""
        self.flush()
        return self._find({request.identity for request in requests})

    def sent(self, request: Request) -> None:
        """A claimed request is now under way."""
        self._sent[request.identity] = time.time()

    def count(self, request: Request, event: str) -> None:
        """Something worth counting that ends no request: a hit, an attempt that is tried again."""
        self._events[(request.provider, request.model, request.prompt, event)] += 1

    def record(self, request: Request, outcome: Outcome) -> None:
        """Add a finished response; a later answer replaces an earlier failure, never the other way round."""
        self._ended.append(_row(request, outcome, self._scope))
        if len(self._ended) >= BATCH or time.monotonic() - self._committed > _SECONDS:
            self.flush()

    def record_all(self, ended: Iterable[tuple[Request, Outcome]]) -> None:
        """Add responses that stand or fall together: a kill keeps all of them or none."""
        self.flush()
        self._ended += [_row(request, outcome, self._scope) for request, outcome in ended]
        self.flush()

    def release(self, identities: Iterable[str]) -> None:
        """Give up claims that came to nothing."""
        self.flush()
        names = [(name, self._owner.name) for name in identities]
        if not names:
            return
        with self._writing():
            self._connection.executemany("DELETE FROM claims WHERE identity = ? AND owner = ?", names)

    def forget_failures(self) -> None:
        """Ask anew in this scope for what it has failed at so far; what that has cost stays spent."""
        self.flush()
        with self._writing():
            rows.forget_failures(self._connection, self._scope)

    def spent(self) -> tuple[float, int]:
        """US dollars and tokens that this scope has cost so far, over all runs."""
        self.flush()
        return rows.spent(self._connection, self._scope)

    def flush(self) -> None:
        """Commit what is in memory. It stays there when the disk refuses, and the error goes on."""
        self._committed = time.monotonic()
        if not (self._ended or self._events or self._sent):
            return
        ended = {str(row["identity"]) for row in self._ended}
        sent = [(since, name) for name, since in self._sent.items() if name not in ended]
        with self._writing():
            rows.keep(self._connection, self._ended)
            self._connection.executemany("DELETE FROM claims WHERE identity = ?", [(name,) for name in ended])
            self._connection.executemany("UPDATE claims SET sent = ? WHERE identity = ?", sent)
            self._connection.executemany(_COUNT, [(*event, number) for event, number in self._events.items()])
        self._ended.clear()
        self._events.clear()
        self._sent.clear()

    def close(self) -> None:
        self.flush()
        self._connection.close()
        self._owner.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction. Raises UserError where the file cannot be written."""
        try:
            with self._connection:  # commits, or rolls back
                self._connection.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.Error as error:
            raise UserError(
                f"the response log {self._path} cannot be written ({error}): mend that and rerun; what was committed "
                "before is kept"
            ) from error

    def _find(self, wanted: set[str]) -> dict[str, Outcome]:
        found = self._connection.execute(_FIND, (_json_list(wanted), self._scope))
        return {row[0]: _outcome(row) for row in found}

    def _held(self, wanted: set[str]) -> dict[str, tuple[str, float | None]]:
        query = "SELECT identity, owner, sent FROM claims WHERE identity IN (SELECT value FROM json_each(?))"
        return {name: (owner, sent) for name, owner, sent in self._connection.execute(query, (_json_list(wanted),))}


def open_log(path: Path) -> sqlite3.Connection:
    """Raises UserError for a log of another format, and where it cannot be opened."""
    try:
        connection = open_shared(path)
    except sqlite3.Error as error:
        raise UserError(f"the response log {path} cannot be opened ({error}): mend that and rerun") from error
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found != FORMAT and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        connection.close()
        raise UserError(f"response log {path} has format {found}, and this version reads {FORMAT}: move it away")
    with alone(path):
        connection.executescript(f"{_TABLES} PRAGMA user_version = {FORMAT};")
    return connection


def _json_list(names: set[str]) -> str:
    return '["' + '","'.join(sorted(names)) + '"]' if names else "[]"


def _outcome(row: tuple[object, ...]) -> Outcome:
    return Outcome.model_validate(dict(zip(_KEPT.split(", "), row, strict=True)) | {"cached": True})


def _row(request: Request, outcome: Outcome, scope: str) -> rows.Row:
    told = outcome.model_dump(exclude={"cached"})
    asked = {"provider": request.provider, "model": request.model, "prompt": request.prompt, "version": request.version}
    return told | asked | {"scope": scope, "finished": time.time(), "shared": False}
