"""The report as one HTML file that asks nothing of the network, and its tables as Markdown.

Everything shown is in `ReportPage`: text is given by the caller or derived from the numbers, and `render`
is a pure function of it, byte for byte. Whatever comes from outside (questions, completions, titles) is
escaped; the browsers of rows and examples read JSON and write text nodes. A content security policy allows the
page's own script and nothing else.
"""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import TypeAdapter

from reporting import notation
from reporting.accuracy import FEW, Accuracy
from reporting.differences import Difference
from reporting.exhibits import Exhibit
from reporting.pairs import Pair
from reporting.quality import QualitySection, by_source
from reporting.rewards import RewardSummary
from reporting.runs import ALL
from reporting.svg import Plot
from schemas.artifact import Rows
from schemas.values import Value

T = TypeVar("T")
_FOLDER = Path(__file__).parent
_EXHIBITS = TypeAdapter(tuple[Exhibit, ...])
_PAIRS = TypeAdapter(tuple[Pair, ...])
_INERT = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


class Curves(Value):
    """The plots of one training run."""

    title: str
    note: str
    plots: tuple[Plot, ...]


class FunnelStage(Value):
    """One stage of curation and its row counts."""

    title: str
    rows: Rows

    @property
    def missing(self) -> int:
        """Rows that entered and are neither left nor rejected; 0 when the counts balance."""
        return self.rows.entered - self.rows.left - sum(self.rows.rejected.values())


class RewardRow(Value):
    """One run's sampled rewards, beside the accuracy of the same model decoding greedily."""

    sampled: RewardSummary
    greedy: Accuracy | None


class RewardSection(Value):
    """Reward before and after training on it, with the control; differences are paired by example."""

    note: str
    rows: tuple[RewardRow, ...]
    reward_differences: tuple[Difference, ...]
    accuracy_differences: tuple[Difference, ...]
    plot: Plot | None


class Baseline(Value):
    """A published number, its protocol and where it was published. accuracy: 0 to 1."""

    model: str
    benchmark: str
    accuracy: float
    n: int | None
    protocol: str
    source: str


class Fact(Value):
    """One row of provenance."""

    label: str
    text: str


class Facts(Value):
    """Rows of provenance under one heading."""

    title: str
    rows: tuple[Fact, ...]


class ReportPage(Value):
    """All of a report. Empty parts are left out of the page.

    lead: what this is, in plain words, one text a paragraph. notices: what a reader must know before the
    numbers. accuracies, differences: as `accuracies` and `differences` return them. exhibits_note: how they
    were chosen.
    """

    title: str
    lead: tuple[str, ...]
    notices: tuple[str, ...] = ()
    accuracies: tuple[Accuracy, ...] = ()
    accuracy_plots: tuple[Plot, ...] = ()
    differences: tuple[Difference, ...] = ()
    rewards: RewardSection | None = None
    curves: tuple[Curves, ...] = ()
    funnel: tuple[FunnelStage, ...] = ()
    quality: QualitySection | None = None
    baselines: tuple[Baseline, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    exhibits_note: str = ""
    provenance: tuple[Facts, ...] = ()


class FamilyRow(Value):
    """One family of a benchmark: a cell for each run, None where the run was not scored on it."""

    family: str
    chance: float | None
    majority: float | None
    cells: tuple[Accuracy | None, ...]


class FamilyTable(Value):
    """One benchmark: families downwards, runs across."""

    benchmark: str
    runs: tuple[str, ...]
    rows: tuple[FamilyRow, ...]


def render(page: ReportPage) -> str:
    """The page as one self-contained HTML document."""
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            headline=headline(page),
            tables=family_tables(page),
            exhibits=_inert(_EXHIBITS, page.exhibits),
            pairs=_inert(_PAIRS, page.quality.pairs if page.quality else ()),
            style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_digest=digest,
            comparisons=_comparisons,
            by_source=by_source,
            few=FEW,
            ALL=ALL,
            n=notation,
        )
    )


def headline(page: ReportPage) -> tuple[tuple[str, tuple[Accuracy, ...]], ...]:
    """Each benchmark with each run on it, all families together; all in the order in which they were given."""
    rows = [row for row in page.accuracies if row.family == ALL]
    return tuple((name, tuple(row for row in rows if row.benchmark == name)) for name in _benchmarks(page.accuracies))


def family_tables(page: ReportPage) -> tuple[FamilyTable, ...]:
    """One table a benchmark; runs in the order in which they were given."""
    return tuple(_family_table(page, name) for name in _benchmarks(page.accuracies))


def _benchmarks(rows: Iterable[Accuracy]) -> list[str]:
    return list(dict.fromkeys(row.benchmark for row in rows))


def _comparisons(rows: Iterable[Difference]) -> list[tuple[tuple[str, str], list[Difference]]]:
    """Rows under their comparison and benchmark, in the order in which those first come."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for row in rows:
        groups.setdefault((row.title, row.benchmark), []).append(row)
    return list(groups.items())


def _family_table(page: ReportPage, benchmark: str) -> FamilyTable:
    found = {(row.family, row.run): row for row in page.accuracies if row.benchmark == benchmark}
    runs = {row.run: row.title for row in found.values()}
    families = [ALL, *sorted({family for family, _ in found} - {ALL})]
    rows = []
    for family in families:
        cells = tuple(found.get((family, run)) for run in runs)
        first = next((cell for cell in cells if cell and cell.accuracy.n), None)
        rows.append(
            FamilyRow(
                family="all families" if family == ALL else family,
                chance=first.chance if first else None,
                majority=first.majority if first else None,
                cells=cells,
            )
        )
    return FamilyTable(benchmark=benchmark, runs=tuple(runs.values()), rows=tuple(rows))


def _inert(kind: TypeAdapter[T], values: T) -> Markup:
    """JSON that can stand inside a script element: no "<", ">" or "&", no line separator of JavaScript."""
    return Markup(kind.dump_json(values).decode("utf-8").translate(_INERT))


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
