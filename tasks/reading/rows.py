"""Rows of a publisher's file, streamed: JSON arrays, JSON Lines, mappings of objects, Parquet.

JSON is told apart by content, because publishers ship JSON Lines under a `.json` suffix. A file that is
malformed as a whole raises UserError with its name and how far it could be read.
"""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.values import UserError
from storage.folder import Folder
from tasks.reading.row import Row

_ROWS_AT_ONCE = 32
_HEAD = 4096


def json_rows(folder: Folder, source: str, file: str, prefix: str = "") -> Iterator[Row]:
    """Rows of a JSON file; their keys are positions from 0, or the keys of a mapping, behind `prefix`."""
    count = 0
    try:
        with folder.local(file).open("rb") as stream:
            for key, value in _pairs(stream):
                yield Row(source, file, f"{prefix}{key}", value)
                count += 1
    except (ijson.JSONError, ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(_broken(file, count, error)) from error


def parquet_rows(folder: Folder, source: str, file: str, prefix: str, columns: list[str]) -> Iterator[Row]:
    """Rows of a Parquet file with these columns; keys are positions from 0 behind `prefix`."""
    count = 0
    try:
        with _open_parquet(folder.local(file), file, columns) as table:
            for batch in table.iter_batches(_ROWS_AT_ONCE, columns=columns):
                for value in batch.to_pylist():
                    yield Row(source, file, f"{prefix}{count}", value)
                    count += 1
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(_broken(file, count, error)) from error


def _open_parquet(path: Path, file: str, columns: list[str]) -> pq.ParquetFile:
    table = pq.ParquetFile(path)
    if missing := [name for name in columns if name not in table.schema_arrow.names]:
        raise UserError(f"{file} has no column {missing[0]!r} (it has {', '.join(table.schema_arrow.names)})")
    return table


def _pairs(stream: BinaryIO) -> Iterator[tuple[str, object]]:
    start = len(codecs.BOM_UTF8) if stream.read(3) == codecs.BOM_UTF8 else 0
    stream.seek(start)
    opening = stream.read(_HEAD).lstrip()[:1]
    stream.seek(start)
    if opening == b"[":
        for number, value in enumerate(ijson.items(stream, "item", use_float=True)):
            yield str(number), value
    elif opening != b"{":
        raise ValueError("neither an array nor objects")
    elif _is_lines(stream, start):
        yield from _lines(stream)
    else:
        yield from _unique(ijson.kvitems(stream, "", use_float=True))


def _is_lines(stream: BinaryIO, start: int) -> bool:
    """Whether the first line is a whole row, rather than (the start of) a mapping of objects. Rewinds."""
    line = next(line for line in stream if line.strip())
    another = any(line.strip() for line in stream)
    stream.seek(start)
    try:
        first = json.loads(line)
    except ValueError:
        return False
    return another or not isinstance(next(iter(first.values()), None), dict)


def _lines(stream: BinaryIO) -> Iterator[tuple[str, object]]:
    filled = (line for line in stream if line.strip())
    for number, line in enumerate(filled):
        yield str(number), json.loads(line)


def _unique(pairs: Iterator[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    seen: set[str] = set()
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"key {key[:40]!r} appears twice")
        seen.add(key)
        yield key, value


def _broken(file: str, rows: int, error: Exception) -> str:
    seen = (str(error).splitlines() or [type(error).__name__])[0]
    return f"{file} cannot be read after {rows} rows ({seen[:160]}): download the file again"
