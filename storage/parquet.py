"""Parquet with declared schemas: rows in, rows out, the same bytes for the same rows.

Tables are written in shards `name-00000.parquet`, zstd, with row groups small enough to stream.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.example import EXAMPLES, REJECTS, Example, Reject, from_row, to_row
from storage.files import whole_file

ROW_GROUP = 1_000


def shard_name(table: str, index: int) -> str:
    return f"{table}-{index:05d}.parquet"


def write_rows(path: Path, rows: Iterable[dict[str, object]], schema: pa.Schema) -> int:
    """Write rows under a declared schema and return their number. Raises pyarrow.ArrowInvalid for a misfit."""
    count, stream = 0, iter(rows)
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while batch := list(islice(stream, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def read_rows(folder: Path, table: str) -> Iterator[dict[str, object]]:
    """Rows of all shards of a table, in shard order."""
    for shard in shards(folder, table):
        for batch in pq.ParquetFile(shard).iter_batches(ROW_GROUP):
            yield from batch.to_pylist()


def read_table(folder: Path, table: str, schema: pa.Schema) -> pa.Table:
    """A whole table; empty with the declared schema where it has no shards."""
    parts = [pq.read_table(shard, schema=schema) for shard in shards(folder, table)]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def shards(folder: Path, table: str) -> list[Path]:
    return sorted(folder.glob(f"{table}-[0-9][0-9][0-9][0-9][0-9].parquet"))


def count_rows(path: Path) -> tuple[int, dict[str, str]]:
    """Row count and column types of a Parquet file, from its footer."""
    metadata = pq.ParquetFile(path)
    return metadata.metadata.num_rows, {field.name: str(field.type) for field in metadata.schema_arrow}


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    return write_rows(path, (to_row(example) for example in examples), EXAMPLES)


def read_examples(folder: Path) -> Iterator[Example]:
    return map(from_row, read_rows(folder, "examples"))


def write_rejects(path: Path, rejects: Iterable[Reject]) -> int:
    return write_rows(path, (reject.model_dump() for reject in rejects), REJECTS)


def read_rejects(folder: Path) -> Iterator[Reject]:
    return map(Reject.model_validate, read_rows(folder, "rejects"))
