"""Accuracy by the publishers' own categories: the official tables of the score stage, runs side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from reporting.accuracy import FEW
from reporting.intervals import Interval
from schemas.tables import METRICS
from schemas.values import Value

OVERALL = "all"
"""The breakdown of the line that is over all categories."""


@dataclass(frozen=True)
class Measured:
    """The official tables of one run. Raises ValueError where they are not METRICS."""

    title: str
    metrics: pa.Table

    def __post_init__(self) -> None:
        if not self.metrics.schema.equals(METRICS):
            raise ValueError(f"the metrics of {self.title!r} are not METRICS but {self.metrics.schema.names}")


class Cell(Value):
    """One run in one category. unread: answers without a single reading, which count as wrong."""

    accuracy: Interval
    of_answered: float | None
    answered: int
    unanswered: int
    unread: int
    load_errors: int
    unjudged: int

    @property
    def few(self) -> bool:
        return self.accuracy.n < FEW


class Line(Value):
    """One category; a cell for each run, None where a run has no such line."""

    category: str
    cells: tuple[Cell | None, ...]

    @property
    def n(self) -> int:
        """The most questions that a run was scored on."""
        return max((cell.accuracy.n for cell in self.cells if cell), default=0)


class Part(Value):
    """The categories of one breakdown, such as `domain`."""

    breakdown: str
    lines: tuple[Line, ...]


class CategoryTable(Value):
    """One benchmark. average: whether `overall` is over questions or over categories."""

    benchmark: str
    average: str
    runs: tuple[str, ...]
    overall: Line
    parts: tuple[Part, ...]


def category_tables(found: Iterable[Measured]) -> tuple[CategoryTable, ...]:
    """One table a benchmark that has categories; runs, breakdowns and categories in the order given."""
    cells: dict[str, dict[tuple[str, str], dict[str, Cell]]] = {}
    averages: dict[str, str] = {}
    titles: dict[str, list[str]] = {}
    for measured in found:
        for row in measured.metrics.to_pylist():
            averages[row["benchmark"]] = row["average"]
            lines = cells.setdefault(row["benchmark"], {})
            lines.setdefault((row["breakdown"], row["category"]), {})[measured.title] = _cell(row)
            if measured.title not in titles.setdefault(row["benchmark"], []):
                titles[row["benchmark"]].append(measured.title)
    return tuple(
        _table(name, averages[name], titles[name], lines) for name, lines in sorted(cells.items()) if len(lines) > 1
    )


def _table(
    benchmark: str, average: str, runs: list[str], lines: dict[tuple[str, str], dict[str, Cell]]
) -> CategoryTable:
    made = {place: Line(category=place[1], cells=tuple(map(cells.get, runs))) for place, cells in lines.items()}
    return CategoryTable(
        benchmark=benchmark,
        average=average,
        runs=tuple(runs),
        overall=made.pop((OVERALL, "")),
        parts=tuple(_parts(made)),
    )


def _parts(lines: dict[tuple[str, str], Line]) -> Iterator[Part]:
    for breakdown in dict.fromkeys(breakdown for breakdown, _ in lines):
        yield Part(breakdown=breakdown, lines=tuple(line for (name, _), line in lines.items() if name == breakdown))


def _cell(row: dict[str, object]) -> Cell:
    counted = {name: row[name] for name in ("answered", "unanswered", "unread", "load_errors", "unjudged")}
    numbers = (row[name] for name in ("value", "low", "high", "n", "groups"))
    return Cell.model_validate({"accuracy": tuple(numbers), "of_answered": row["of_answered"], **counted})
