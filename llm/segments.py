"""The response logs of several hosts, merged through the store.

SQLite's write-ahead log does not belong on a network disk, so each host keeps a log of its own on a local one. What it
has answered is laid into the store as segments, small Parquet files that never change, and what others have laid there
is read into its log before it asks for anything.

    {store}/llm/segments/{host}-{uuid}.parquet      rows of the log's tables
"""

import os
import socket
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from llm.log import open_log
from llm.rows import COLUMNS, Row, give_way, keep

_INTEGERS, _NUMBERS = ("version", "input_tokens", "output_tokens"), ("cost", "latency", "finished")
_TYPES = dict.fromkeys(_INTEGERS, pa.int64()) | dict.fromkeys(_NUMBERS, pa.float64())
_SHOWN = COLUMNS[:-1]
"""All but whether a host has shared its row."""
_SCHEMA = pa.schema([*((name, _TYPES.get(name, pa.string())) for name in _SHOWN), ("displaced", pa.bool_())])
"""displaced: the response gave way; null in segments of an earlier version, which hold none that did."""
_TABLES = ("responses", "displaced")


def share(log: Path, folder: Path) -> int:
    """Lay what this log has and no segment holds into `folder`; the number of responses.

    A kill between the file and the mark lays the same rows twice, which changes nothing for who reads them.
    """
    with closing(open_log(log)) as connection:
        new = {table: _unshared(connection, table) for table in _TABLES}
        rows = [(*row, table == "displaced") for table in _TABLES for row in new[table]]
        if not rows:
            return 0
        name = f"{socket.gethostname()}-{uuid.uuid4().hex}.parquet"
        _write(folder / name, rows)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                _mark(connection, table, new[table])
            connection.execute("INSERT INTO segments VALUES (?)", (name,))
    return len(rows)


def gather(log: Path, folder: Path) -> int:
    """Read the segments of `folder` that this log has not seen; their number."""
    with closing(open_log(log)) as connection:
        seen = {name for (name,) in connection.execute("SELECT name FROM segments")}
        new = sorted(path for path in folder.glob("*.parquet") if path.name not in seen)
        for path in new:
            rows: list[Row] = [row | {"shared": True} for row in pq.read_table(path, schema=_SCHEMA).to_pylist()]
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                give_way(connection, [row for row in rows if row["displaced"]])
                keep(connection, [row for row in rows if not row["displaced"]])
                connection.execute("INSERT INTO segments VALUES (?)", (path.name,))
    return len(new)


def _unshared(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    query = f"SELECT {', '.join(_SHOWN)} FROM {table} WHERE NOT shared ORDER BY identity, finished"
    return connection.execute(query).fetchall()


def _mark(connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    """In the table that they were read from: one that has given way since is laid down again as what it is now."""
    identity, finished = _SHOWN.index("identity"), _SHOWN.index("finished")
    same = f"UPDATE {table} SET shared = 1 WHERE identity = ? AND finished = ?"
    connection.executemany(same, [(row[identity], row[finished]) for row in rows])


def _write(place: Path, rows: list[tuple[object, ...]]) -> None:
    """Whole or absent."""
    place.parent.mkdir(parents=True, exist_ok=True)
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), _SCHEMA.types, strict=True)]
    temporary = place.with_suffix(".part")
    pq.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA), temporary, compression="zstd")
    os.replace(temporary, place)
