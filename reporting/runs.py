"""A run: one model, seen one way, with its scored completions; and those completions as columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.tables import SCORES
from schemas.training import View

RunKind = Literal["model", "control", "before", "sampled"] | View
POOLED = "all benchmarks"
"""The name of the rows of all benchmarks together, for a table that holds both."""
ALL = "all"
"""The name of every family together, and of every benchmark together."""


@dataclass(frozen=True)
class Run:
    """One scores table with a name for machines and a title for people.

    kind: what the run is for. `before` is the checkpoint that another run started from, `control` one trained
    another way on the same rows; a view is one model shown the examples another way (`reporting/views.py`); `sampled`
    is drawn at a temperature, where all others decode greedily. Raises ValueError when the table is not SCORES
    or scores a completion twice.
    """

    name: str
    title: str
    kind: RunKind
    scores: pa.Table

    def __post_init__(self) -> None:
        if not self.scores.schema.equals(SCORES):
            raise ValueError(f"run {self.name!r}: the table is not SCORES but {self.scores.schema.names}")
        keys = self.scores.select(["benchmark", "id", "draw"])
        if len(keys.group_by(keys.column_names).aggregate([])) != len(keys):
            raise ValueError(f"run {self.name!r} scores a completion twice (same benchmark, id and draw)")


class Columns(NamedTuple):
    """The columns of a scores table that summaries read, each (rows,). value, consistent: NaN where they are null."""

    key: np.ndarray
    group: np.ndarray
    benchmark: np.ndarray
    family: np.ndarray
    outcome: np.ndarray
    gold: np.ndarray
    given: np.ndarray
    value: np.ndarray
    chance: np.ndarray
    well_formed: np.ndarray
    tokens: np.ndarray
    consistent: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Whether each row has a value: answered and unanswered do, load errors and unjudged do not."""
        return np.isfinite(self.value)

    def where(self, mask: np.ndarray) -> "Columns":
        return Columns(*(column[mask] for column in self))


def columns(run: Run) -> Columns:
    """`key` names an example: benchmark and id, whatever the draw."""
    table = run.scores
    key = [f"{benchmark}\n{id}" for benchmark, id in zip(*_pylists(table, "benchmark", "id"), strict=True)]
    text = ("group", "benchmark", "family", "outcome", "gold", "given")
    return Columns(
        np.array(key, dtype=object),
        *(np.array(table[name].to_pylist(), dtype=object) for name in text),
        *(_numbers(table[name]) for name in ("value", "chance", "well_formed", "tokens", "consistent")),
    )


def slices(found: Columns) -> Iterator[tuple[str, str, Columns]]:
    """(benchmark, family, rows) for each benchmark: first all its families together, then each by name."""
    for benchmark in sorted(set(found.benchmark)):
        rows = found.where(found.benchmark == benchmark)
        yield benchmark, ALL, rows
        for family in sorted(set(rows.family)):
            yield benchmark, family, rows.where(rows.family == family)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(float)


def _pylists(table: pa.Table, *names: str) -> tuple[list[str], ...]:
    return tuple(table[name].to_pylist() for name in names)
