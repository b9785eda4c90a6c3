"""Rows of the response log: the responses that count, one a request, and beside them those that gave way.

A response gives way when it is forgotten or when another one takes its place. What it has cost is spent all the same,
so it is moved and never deleted, and it is one row wherever and however often it comes in: a response is named by its
request and the moment it ended. Only an attempt that cost nothing and says nothing of its request leaves no trace.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from llm.request import FINAL

Row = Mapping[str, object]
"""A response by COLUMNS."""

_TYPES = {
    **dict.fromkeys(("identity", "scope", "provider", "model", "prompt"), "TEXT"),
    "version": "INTEGER",
    **dict.fromkeys(("text", "failure", "detail", "said", "request_id", "finish"), "TEXT"),
    **dict.fromkeys(("input_tokens", "output_tokens"), "INTEGER"),
    **dict.fromkeys(("cost", "latency", "finished"), "REAL"),
    "shared": "INTEGER",
}
COLUMNS = tuple(_TYPES)
_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
TABLES = f"""
CREATE TABLE IF NOT EXISTS responses ({_COLUMNS}, PRIMARY KEY (identity));
CREATE INDEX IF NOT EXISTS responses_by_scope ON responses (scope);
CREATE INDEX IF NOT EXISTS responses_to_share ON responses (identity) WHERE NOT shared;
CREATE TABLE IF NOT EXISTS displaced ({_COLUMNS}, PRIMARY KEY (identity, finished));
CREATE INDEX IF NOT EXISTS displaced_by_scope ON displaced (scope);
CREATE VIEW IF NOT EXISTS ended AS SELECT * FROM responses UNION ALL SELECT * FROM displaced;
"""
"""ended: every response that was paid for. A log of an earlier version has `responses` alone, and begins with them."""

_FINAL = ", ".join(repr(kind) for kind in sorted(FINAL))
OF_THE_ROW = f"failure IN ({_FINAL})"
_TELLING = f"(failure IS NULL OR {OF_THE_ROW} OR coalesce(cost, 0) > 0 OR input_tokens + output_tokens > 0)"
_GIVEN = ", ".join(f":{name}" for name in COLUMNS)

_MAKE_WAY = f"""INSERT OR IGNORE INTO displaced SELECT * FROM responses
    WHERE identity = :identity AND finished <> :finished AND failure IS NOT NULL AND {_TELLING}"""
_KEEP = f"""INSERT INTO responses SELECT {_GIVEN}
    WHERE NOT EXISTS (SELECT 1 FROM displaced WHERE identity = :identity AND finished = :finished)
    ON CONFLICT (identity) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}
    WHERE responses.failure IS NOT NULL"""
_GIVE_WAY = f"""INSERT OR IGNORE INTO displaced
    SELECT * FROM (SELECT {", ".join(f":{name} AS {name}" for name in COLUMNS)}) WHERE {_TELLING}
    AND NOT EXISTS (SELECT 1 FROM responses WHERE identity = :identity AND finished = :finished)"""


def keep(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add responses, within a transaction; a later answer replaces an earlier failure, never the other way round."""
    connection.executemany(_MAKE_WAY, rows)
    connection.executemany(_KEEP, rows)
    connection.executemany(_GIVE_WAY, rows)


def give_way(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Responses that gave way elsewhere do so here too, within a transaction."""
    connection.executemany(f"INSERT OR IGNORE INTO displaced VALUES ({_GIVEN})", rows)
    connection.executemany("DELETE FROM responses WHERE identity = :identity AND finished = :finished", rows)


def forget_failures(connection: sqlite3.Connection, scope: str) -> None:
    """The failures of a scope give way, within a transaction, here and then on the hosts that share this log."""
    moved = ", ".join(COLUMNS[:-1])
    connection.execute(
        f"INSERT OR IGNORE INTO displaced SELECT {moved}, 0 FROM responses "
        f"WHERE scope = ? AND failure IS NOT NULL AND {_TELLING}",
        (scope,),
    )
    connection.execute("DELETE FROM responses WHERE scope = ? AND failure IS NOT NULL", (scope,))


def spent(connection: sqlite3.Connection, scope: str) -> tuple[float, int]:
    """US dollars and tokens that a scope has cost so far, over all runs."""
    query = "SELECT total(cost), total(input_tokens + output_tokens) FROM ended WHERE scope = ?"
    dollars, tokens = connection.execute(query, (scope,)).fetchone()
    return dollars, int(tokens)
