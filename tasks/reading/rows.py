"""Rows of a publisher's file, streamed: JSON arrays, JSON Lines, mappings of objects, CSV, Parquet.

JSON is told apart by content, because publishers ship JSON Lines under a `.json` suffix. A file that is
malformed as a whole raises UserError with its name and how far it could be read.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.values import UserError
from storage.folder import Folder
from tasks.reading.json_text import array_items, object_items
from tasks.reading.row import Row

_ROWS_AT_ONCE = 32
_HEAD = 4096


def json_rows(folder: Folder, source: str, file: str, prefix: str = "") -> Iterator[Row]:
    """Rows of a JSON file; their keys are positions from 0, or the keys of a mapping, behind `prefix`."""
    count = 0
    try:
        with folder.local(file).open(encoding="utf-8-sig") as stream:
            for key, value in _pairs(stream):
                yield Row(source, file, f"{prefix}{key}", value, folder.revision)
                count += 1
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(_broken(file, count, error)) from error


def parquet_rows(
    folder: Folder, source: str, file: str, prefix: str, columns: list[str], more: Sequence[str] = ()
) -> Iterator[Row]:
    """Rows with these columns, and with `more` where the file has them; keys are positions from 0 behind `prefix`."""
    count = 0
    try:
        with _open_parquet(folder.local(file), file, columns) as table:
            there = [*columns, *(name for name in more if name in table.schema_arrow.names)]
            for batch in table.iter_batches(_ROWS_AT_ONCE, columns=there):
                for value in batch.to_pylist():
                    yield Row(source, file, f"{prefix}{count}", value, folder.revision)
                    count += 1
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(_broken(file, count, error)) from error


def csv_rows(folder: Folder, source: str, file: str, prefix: str, columns: list[str]) -> Iterator[Row]:
    """Rows of a CSV file with these columns; keys are positions from 0 behind `prefix`.

    A row with more or fewer cells than the header is the list of its cells, so that no value moves to a wrong name.
    """
    count = 0
    try:
        with folder.local(file).open(encoding="utf-8-sig", newline="") as stream:
            filled = (cells for cells in csv.reader(stream, strict=True) if cells)
            header = next(filled, [])
            _check_columns(file, columns, header)
            for cells in filled:
                fits = len(cells) == len(header)
                value = dict(zip(header, cells, strict=True)) if fits else cells
                yield Row(source, file, f"{prefix}{count}", value, folder.revision)
                count += 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(_broken(file, count, error)) from error


def _open_parquet(path: Path, file: str, columns: list[str]) -> pq.ParquetFile:
    table = pq.ParquetFile(path)
    _check_columns(file, columns, table.schema_arrow.names)
    return table


def _check_columns(file: str, needed: Sequence[str], there: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in there]:
        raise UserError(f"{file} has no column {missing[0]!r} (it has {', '.join(there)})")


def _pairs(stream: TextIO) -> Iterator[tuple[str, object]]:
    start = stream.tell()
    opening = stream.read(_HEAD).lstrip()[:1]
    stream.seek(start)
    if opening == "[":
        for number, value in enumerate(array_items(stream)):
            yield str(number), value
    elif opening != "{":
        raise ValueError("neither an array nor objects")
    elif _is_lines(stream):
        yield from _lines(stream)
    else:
        yield from _unique(object_items(stream))


def _is_lines(stream: TextIO) -> bool:
    """Whether the first line is a whole row, rather than (the start of) a mapping of objects. Rewinds."""
    start = stream.tell()
    line = next(line for line in iter(stream.readline, "") if line.strip())
    another = any(line.strip() for line in iter(stream.readline, ""))
    stream.seek(start)
    try:
        first = json.loads(line)
    except ValueError:
        return False
    return another or not isinstance(next(iter(first.values()), None), dict)


def _lines(stream: TextIO) -> Iterator[tuple[str, object]]:
    """A line that is no JSON is a row like any other, as its text; not so the last one, where a download broke off."""
    filled = (line for line in stream if line.strip())
    line, number = next(filled, ""), 0
    while line:
        following = next(filled, "")
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            if not following:
                raise
            value = line
        yield str(number), value
        line, number = following, number + 1


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
