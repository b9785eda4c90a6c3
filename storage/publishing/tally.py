"""What the rows of an examples artifact are, counted column by column: what the card and the metadata say of them."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pyarrow as pa

from storage.parquet import read_batches

_COUNTED = ["source", "licence", "answer_kind", "media", "provenance", "ratings"]
Counts = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Tally:
    """Numbers of rows by what they hold.

    sources: (source, licence). answers: (answer_kind,). media: (kind,), counting media. generated: (field, provider,
    model, prompt), counting generated fields. ratings: (name,), counting ratings.
    """

    sources: Counts = field(default_factory=Counter)
    answers: Counts = field(default_factory=Counter)
    media: Counts = field(default_factory=Counter)
    generated: Counts = field(default_factory=Counter)
    ratings: Counts = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.sources.total()

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch that has the columns of `EXAMPLES`."""
        self.sources.update(_counts(batch, "source", "licence"))
        self.answers.update(_counts(batch, "answer_kind"))
        self.media.update(_counts(_inner(batch, "media"), "kind"))
        self.generated.update(_counts(_inner(batch, "provenance"), "field", "provider", "model", "prompt"))
        self.ratings.update(_counts(_inner(batch, "ratings"), "name"))


def tally(examples: Path) -> Tally:
    """Count the rows of an examples artifact."""
    counted = Tally()
    for batch in read_batches(examples, "examples", _COUNTED):
        counted.add(batch)
    return counted


def _inner(batch: pa.RecordBatch, column: str) -> pa.RecordBatch:
    """The entries of a column that holds a list of structs, one row each."""
    return pa.RecordBatch.from_struct_array(cast(pa.ListArray, batch.column(column)).flatten())


def _counts(batch: pa.RecordBatch, *columns: str) -> Counts:
    grouped = pa.Table.from_batches([batch]).group_by(list(columns)).aggregate([([], "count_all")])
    return Counter({tuple(row[name] for name in columns): row["count_all"] for row in grouped.to_pylist()})
