"""The rows as Parquet files, `data/{split}-00000-of-00002.parquet`: the same bytes for the same rows in their order.

Rows wait in Arrow until they fill a row group, whatever batches they come in. A row group holds at most `ROW_GROUP`
rows, and fewer where those are large: it is what a streaming reader holds in memory. A page index lets readers skip
within it.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.values import UserError
from storage.parquet import ROW_GROUP, leaves, repeating
from storage.publishing.embedding import Embedding
from storage.publishing.features import declared, is_medium

ROW_GROUP_BYTES = 32 << 20
FILE_BYTES = 500_000_000
_ORDER = ("train", "validation", "test")
_SPLIT = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Split:
    """A split as written. size: bytes of its rows in Arrow, as `datasets` counts them."""

    name: str
    rows: int
    size: int
    files: tuple[Path, ...]


def write_splits(
    batches: Iterable[pa.RecordBatch], folder: Path, schema: pa.Schema, rows_per_file: int, embedding: Embedding
) -> list[Split]:
    """Write batches of rows by their `split`, unnamed rows as train, in one pass.

    Raises UserError as Embedding does, and for a split whose name could lead out of the folder.

    folder: emptied first. schema: of the batches; the columns of the embedding are added.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    whole = declared(pa.schema([*schema, *embedding.columns()]))
    writers: dict[str, _SplitWriter] = {}
    try:
        for batch in batches:
            for name, rows in _by_split(batch):
                if name not in writers:
                    writers[name] = _SplitWriter(folder, name, whole, rows_per_file, embedding)
                writers[name].add(rows)
        return [writers[name].finish() for name in sorted(writers, key=_place)]
    finally:
        for writer in writers.values():
            writer.close()


class _SplitWriter:
    """The files of one split, one open at a time."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema, rows_per_file: int, embedding: Embedding) -> None:
        self._folder, self._name, self._schema = folder, name, schema
        self._rows_per_file, self._embedding = rows_per_file, embedding
        self._waiting: list[pa.RecordBatch] = []
        self._held = self._rows = self._size = 0
        self._file: pq.ParquetWriter | None = None
        self._file_rows = self._file_size = 0
        self._paths: list[Path] = []

    def add(self, rows: pa.RecordBatch) -> None:
        self._waiting.append(rows)
        self._held += rows.num_rows
        while self._held >= self._wanted():
            self._write(self._take(self._wanted()))

    def finish(self) -> Split:
        """Write what is left, and name the files by their number."""
        while self._held:
            self._write(self._take(min(self._held, self._wanted())))
        self.close()
        count = len(self._paths)
        named = [path.with_stem(f"{path.stem}-of-{count:05d}") for path in self._paths]
        files = tuple(path.rename(name) for path, name in zip(self._paths, named, strict=True))
        return Split(self._name, self._rows, self._size, files)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _wanted(self) -> int:
        """Rows to wait for: those of a row group, or what the file still takes."""
        return min(ROW_GROUP, self._rows_per_file - (self._file_rows if self._file else 0))

    def _take(self, count: int) -> pa.Table:
        """The first rows that wait."""
        table = pa.Table.from_batches(self._waiting)
        self._waiting = table.slice(count).to_batches()
        self._held -= count
        return table.slice(0, count).combine_chunks()

    def _write(self, rows: pa.Table) -> None:
        for group in _fitting(rows, self._embedding):
            whole = self._embedding.embed(group).cast(self._schema)
            self._open().write_table(whole, row_group_size=whole.num_rows)
            self._file_rows += whole.num_rows
            self._file_size += whole.nbytes
            self._rows += whole.num_rows
            self._size += whole.nbytes
            if self._file_rows >= self._rows_per_file or self._file_size >= FILE_BYTES:
                self.close()

    def _open(self) -> pq.ParquetWriter:
        if self._file is None:
            path = self._folder / f"{self._name}-{len(self._paths):05d}.parquet"
            self._paths.append(path)
            self._file_rows = self._file_size = 0
            self._file = open_writer(path, self._schema)
        return self._file


def open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer as every published table has it. Media are compressed already, and are not compressed again."""
    media = [f"{field.name}.bytes" for field in schema if is_medium(field)]
    plain = [path for path in leaves(schema) if path not in media]
    options: dict[str, Any] = {  # by column, which the stubs do not know
        "compression": dict.fromkeys(plain, "zstd") | dict.fromkeys(media, "none"),
        "use_dictionary": repeating(plain),
        "write_statistics": plain,
    }
    return pq.ParquetWriter(path, schema, write_page_index=True, **options)


def _fitting(rows: pa.Table, embedding: Embedding) -> Iterator[pa.Table]:
    """The rows in parts that a row group takes, halved until they fit; a single row always does."""
    if rows.num_rows > 1 and rows.nbytes + embedding.size(rows) > ROW_GROUP_BYTES:
        half = rows.num_rows // 2
        yield from _fitting(rows.slice(0, half), embedding)
        yield from _fitting(rows.slice(half), embedding)
    else:
        yield rows


def _by_split(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    found = batch.column("split").unique().to_pylist()
    for name in dict.fromkeys(split or "train" for split in found):
        own = [split for split in found if (split or "train") == name]
        yield split_name(name), batch if own == found else batch.filter(pc.field("split").isin(own))


def split_name(split: str) -> str:
    """A split's name, which becomes that of files. Raises UserError for one that is none."""
    if not _SPLIT.fullmatch(split):
        raise UserError(f"a row's split is {split!r}, which is no name of a file: rename it")
    return split


def _place(split: str) -> tuple[int, str]:
    return (_ORDER.index(split) if split in _ORDER else len(_ORDER), split)
