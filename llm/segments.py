"""The response logs of several hosts, merged through the store.

SQLite's write-ahead log does not belong on a network disk, so each host keeps a log of its own on a local one. What it
has answered is laid into the store as segments, small Parquet files that never change, and what others have laid there
is read into its log before it asks for anything.

    {store}/llm/segments/{host}-{uuid}.parquet      rows of the log's table
"""

import os
import socket
import uuid
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from llm.log import COLUMNS, KEEP, open_log

_INTEGERS, _NUMBERS = ("version", "input_tokens", "output_tokens"), ("cost", "latency", "finished")
_TYPES = dict.fromkeys(_INTEGERS, pa.int64()) | dict.fromkeys(_NUMBERS, pa.float64())
_SHOWN = COLUMNS[:-1]
"""All but whether a host has shared its row."""
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in _SHOWN])


def share(log: Path, folder: Path) -> int:
    """Lay what this log has and no segment holds into `folder`; the number of responses.

    A kill between the file and the mark lays the same rows twice, which changes nothing for who reads them.
    """
    with closing(open_log(log)) as connection:
        rows = connection.execute(
            f"SELECT {', '.join(_SHOWN)} FROM responses WHERE NOT shared ORDER BY identity"
        ).fetchall()
        if not rows:
            return 0
        name = f"{socket.gethostname()}-{uuid.uuid4().hex}.parquet"
        _write(folder / name, rows)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            same = "UPDATE responses SET shared = 1 WHERE identity = ? AND finished = ?"
            connection.executemany(same, [(row[0], row[_SHOWN.index("finished")]) for row in rows])
            connection.execute("INSERT INTO segments VALUES (?)", (name,))
    return len(rows)


def gather(log: Path, folder: Path) -> int:
    """Read the segments of `folder` that this log has not seen; their number."""
    with closing(open_log(log)) as connection:
        seen = {name for (name,) in connection.execute("SELECT name FROM segments")}
        new = sorted(path for path in folder.glob("*.parquet") if path.name not in seen)
        for path in new:
            rows = pq.read_table(path, schema=_SCHEMA).to_pylist()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(KEEP, [(*(row[name] for name in _SHOWN), True) for row in rows])
                connection.execute("INSERT INTO segments VALUES (?)", (path.name,))
    return len(new)


def _write(place: Path, rows: list[tuple[object, ...]]) -> None:
    """Whole or absent."""
    place.parent.mkdir(parents=True, exist_ok=True)
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), _SCHEMA.types, strict=True)]
    temporary = place.with_suffix(".part")
    pq.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA), temporary, compression="zstd")
    os.replace(temporary, place)
