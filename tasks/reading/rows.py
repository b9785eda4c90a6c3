"""Rows of a publisher's file, streamed: JSON arrays, JSON Lines, mappings, CSV, Parquet.

Arrays and lines are told apart by content, because publishers ship JSON Lines under a `.json` suffix. A file that is
malformed as a whole raises UserError with its name and how far it could be read.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.values import UserError
from storage.folder import Folder
from tasks.reading.json_text import array_items, decode, object_items
from tasks.reading.row import Row

_ROWS_AT_ONCE = 32
_HEAD = 4096


def json_rows(folder: Folder, source: str, file: str, prefix: str = "") -> Iterator[Row]:
    """Rows of an array or of lines, in a `.jsonl` of lines alone; keys are positions from 0 behind `prefix`."""
    with folder.local(file).open(encoding="utf-8-sig") as stream:
        values = _lines if file.endswith(".jsonl") else _array_or_lines
        numbered = ((f"{prefix}{place}", value) for place, value in enumerate(values(stream)))
        yield from _rows(folder, source, file, numbered)


def mapping_rows(folder: Folder, source: str, file: str) -> Iterator[Row]:
    """Rows of a JSON object whose values are the rows; keys are its keys."""
    with folder.local(file).open(encoding="utf-8-sig") as stream:
        yield from _rows(folder, source, file, _unique(object_items(stream)))


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


def _rows(folder: Folder, source: str, file: str, pairs: Iterable[tuple[str, object]]) -> Iterator[Row]:
    count = 0
    try:
        for key, value in pairs:
            yield Row(source, file, key, value, folder.revision)
            count += 1
    except ValueError as error:
        raise UserError(_broken(file, count, error)) from error


def _array_or_lines(stream: TextIO) -> Iterator[object]:
    start = stream.tell()
    opening = stream.read(_HEAD).lstrip()[:1]
    stream.seek(start)
    if opening not in ("[", "{"):
        raise ValueError("neither an array nor objects")
    yield from array_items(stream) if opening == "[" else _lines(stream)


def _lines(stream: TextIO) -> Iterator[object]:
    """A line that is no JSON is a row like any other, as its text; not so the last one, where a download broke off."""
    filled = (line for line in stream if line.strip())
    line = next(filled, "")
    if not line:
        raise ValueError("it holds no line")
    while line:
        following = next(filled, "")
        try:
            value = decode(line)
        except ValueError:
            if not following:
                raise
            value = line
        yield value
        line = following


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
