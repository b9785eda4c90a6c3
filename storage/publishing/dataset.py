"""Writing examples as a dataset for others, whole."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from schemas.artifact import Manifest
from schemas.example import EXAMPLES, MediaKind
from schemas.values import UserError
from storage.files import write_text
from storage.parquet import read_batches, shards
from storage.publishing.card import card
from storage.publishing.contents import Contents, Naming
from storage.publishing.croissant import croissant
from storage.publishing.embedding import Embedding
from storage.publishing.features import MEDIA_TYPES
from storage.publishing.licences import hub_fields, licence_text
from storage.publishing.tables import write_splits
from storage.publishing.tally import Tally, tally

Where = Literal["referenced", "embedded"]


def write_dataset(
    examples: Path,
    folder: Path,
    naming: Naming,
    rows_per_file: int,
    media: Where,
    blobs: Path,
    steps: Sequence[Manifest],
    homepages: Mapping[str, str],
) -> Contents:
    """Write the dataset of an examples artifact into `folder` and say what was written.

    steps: manifests of the artifact and of all behind it. Raises UserError for no rows, and for embedded media that
    are gone, have changed or are too large.
    """
    counted = tally(examples)
    if not counted.rows:
        raise UserError(f"{steps[0].artifact} holds no rows to publish: loosen curation, or add data")
    embedding = Embedding(blobs, _kinds(counted) if media == "embedded" else ())
    batches = read_batches(examples, "examples")
    splits = write_splits(batches, folder / "data", EXAMPLES, rows_per_file, embedding)
    for table in ("rejects", "overlaps"):
        _copy(examples, table, folder / table)
    schema = pq.read_schema(splits[0].files[0])
    contents = Contents(folder, naming, steps[0], steps, homepages, counted, embedding, schema, splits)
    _describe(contents)
    return contents


def _kinds(counted: Tally) -> list[MediaKind]:
    return [kind for kind in MEDIA_TYPES if counted.media[kind,]]


def _copy(examples: Path, table: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for shard in shards(examples, table):
        shutil.copyfile(shard, folder / shard.name)


def _describe(contents: Contents) -> None:
    write_text(contents.folder / "README.md", card(contents))
    write_text(contents.folder / "croissant.json", json.dumps(croissant(contents), indent=2, ensure_ascii=False) + "\n")
    if "license_link" in hub_fields(contents.tally):
        write_text(contents.folder / "LICENSE.md", licence_text(contents.tally))
