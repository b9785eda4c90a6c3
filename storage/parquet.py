"""Parquet with declared schemas: rows in, rows out, the same bytes for the same rows.

Tables are written in shards `name-00000.parquet`, zstd, with row groups small enough to stream.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.example import EXAMPLES, REJECTS, Example, Reject, from_row, to_table
from storage.files import whole_file

ROW_GROUP = 4_000
ROWS_PER_SHARD = 20_000
_ONCE = ("id", "source_row", "source_id", "question", "context", "think", "text", "request", "rationale")
"""Fields whose values hardly repeat: a dictionary of them costs time and saves nothing."""

T = TypeVar("T")


def shard_name(table: str, index: int) -> str:
    return f"{table}-{index:05d}.parquet"


def write_rows(path: Path, rows: Iterable[dict[str, object]], schema: pa.Schema) -> int:
    """Write rows under a declared schema and return their number. Raises pyarrow.ArrowInvalid for a misfit."""
    return _write(path, rows, schema, partial(pa.Table.from_pylist, schema=schema))


def _write(path: Path, rows: Iterable[T], schema: pa.Schema, table_of: Callable[[list[T]], pa.Table]) -> int:
    count, stream = 0, iter(rows)
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema, **_options(schema)) as writer:
        while batch := list(islice(stream, ROW_GROUP)):
            writer.write_table(table_of(batch))
            count += len(batch)
    return count


def repeating(paths: Iterable[str]) -> list[str]:
    """Those of a table's leaves whose values are worth a dictionary."""
    return [path for path in paths if path.rpartition(".")[2] not in _ONCE]


def leaves(schema: pa.Schema) -> Iterator[str]:
    """Parquet's own paths of the leaves of all columns: `media.list.element.digest`."""
    for field in schema:
        inner, path = field.type, field.name
        if isinstance(inner, pa.ListType):
            inner, path = inner.value_type, f"{path}.list.element"
        if isinstance(inner, pa.StructType):
            yield from (f"{path}.{leaf.name}" for leaf in inner)
        else:
            yield path


def _options(schema: pa.Schema) -> dict[str, Any]:
    return {"compression": "zstd", "use_dictionary": repeating(leaves(schema))}


def write_shards(folder: Path, table: str, parts: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Write a table that comes in parts, in shards of ROWS_PER_SHARD rows; one shard without rows where it has none.

    Raises pyarrow.ArrowInvalid for a part of another schema.
    """
    index, waiting = 0, schema.empty_table()
    for part in parts:
        waiting = pa.concat_tables([waiting, part])
        while waiting.num_rows > ROWS_PER_SHARD:
            _write_shard(folder / shard_name(table, index), waiting.slice(0, ROWS_PER_SHARD))
            index, waiting = index + 1, waiting.slice(ROWS_PER_SHARD)
    _write_shard(folder / shard_name(table, index), waiting)


def _write_shard(path: Path, rows: pa.Table) -> None:
    with whole_file(path) as temporary:
        pq.write_table(rows, temporary, row_group_size=ROW_GROUP, **_options(rows.schema))


def read_batches(folder: Path, table: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """All shards of a table in order, in batches. columns: only these; `media.list.element.digest` is one within."""
    for shard in shards(folder, table):
        yield from pq.ParquetFile(shard).iter_batches(ROW_GROUP, columns=columns)


def read_rows(folder: Path, table: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of all shards of a table, in shard order, with all columns or only those named."""
    for batch in read_batches(folder, table, columns):
        yield from batch.to_pylist()


def read_table(folder: Path, table: str, schema: pa.Schema) -> pa.Table:
    """A whole table; empty with the declared schema where it has no shards."""
    # Not `pq.read_table`: it loads the whole dataset machinery, and pandas with it, for one file.
    parts = [pq.ParquetFile(shard).read().cast(schema) for shard in shards(folder, table)]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def shards(folder: Path, table: str) -> list[Path]:
    """In their order, also where there are more than fit the five digits."""
    return sorted(folder.glob(f"{table}-[0-9]*.parquet"), key=lambda path: (len(path.name), path.name))


def count_rows(path: Path) -> tuple[int, dict[str, str]]:
    """Row count and column types of a Parquet file, from its footer."""
    metadata = pq.ParquetFile(path)
    return metadata.metadata.num_rows, {field.name: str(field.type) for field in metadata.schema_arrow}


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write examples and return their number. Raises UnicodeEncodeError for a text with half a surrogate pair."""
    return _write(path, examples, EXAMPLES, to_table)


def read_examples(folder: Path) -> Iterator[Example]:
    return map(from_row, read_rows(folder, "examples"))


def find_examples(folder: Path, ids: Sequence[str]) -> Iterator[Example]:
    """The examples of these ids, in the order of the rows; the others are not built."""
    wanted = pc.field("id").isin(pa.array(ids, pa.string()))
    for batch in read_batches(folder, "examples"):
        yield from map(from_row, batch.filter(wanted).to_pylist())


def write_rejects(path: Path, rejects: Iterable[Reject]) -> int:
    return write_rows(path, (reject.model_dump() for reject in rejects), REJECTS)


def read_rejects(folder: Path) -> Iterator[Reject]:
    return map(Reject.model_validate, read_rows(folder, "rejects"))
