"""Which media an artifact's tables name, by digest."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.artifact import Manifest
from schemas.values import UserError

_IN_ROWS = "media.list.element.digest"
_IN_LISTING = "digest"


def tables_with_media(manifest: Manifest) -> list[str]:
    """Those of an artifact's files whose rows show media, such as examples."""
    return [file.path for file in manifest.files if file.columns and "digest: " in file.columns.get("media", "")]


def tables_with_digests(manifest: Manifest) -> list[str]:
    """Those of an artifact's files that name files by digest: rows with media, and listings."""
    listings = [file.path for file in manifest.files if file.columns and file.columns.get(_IN_LISTING) == "string"]
    return [*tables_with_media(manifest), *listings]


def named_in(table: Path) -> Iterator[str]:
    """All digests that one table names, with repetitions. Nothing for a table that names none.

    Raises UserError for a file that is gone or no table.
    """
    try:
        file = pq.ParquetFile(table)
        paths = {file.schema.column(index).path for index in range(len(file.schema))}
        for column in {_IN_ROWS, _IN_LISTING} & paths:
            for batch in file.iter_batches(columns=[column]):
                yield from _texts(batch.column(0))
    except FileNotFoundError as error:
        raise UserError(f"{table} is gone: `contextfirst verify` tells what else is") from error
    except pa.ArrowInvalid as error:
        raise UserError(
            f"{table} is not a table as it was written ({error}): `contextfirst verify` says more"
        ) from error


def _texts(values: pa.Array) -> Iterator[str]:
    if pa.types.is_list(values.type):
        values = values.flatten().field(_IN_LISTING)
    yield from (digest for digest in values.unique().to_pylist() if digest)
