"""The report as one HTML file that asks nothing of the network, and its tables as Markdown.

Everything shown is in `ReportPage`: text is given by the caller or derived from the numbers, and `render`
is a pure function of it, byte for byte. Whatever comes from outside (questions, completions, titles) is
escaped; the browsers of rows and examples read packed JSON and write text nodes. A content security policy allows
the page's own script and nothing else.
"""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reporting import notation
from reporting.accuracy import FEW, Accuracy
from reporting.categories import CategoryTable
from reporting.conclusions import Conclusions
from reporting.differences import Difference
from reporting.embedded import embed
from reporting.exhibits import Exhibit
from reporting.lengths import Lengths
from reporting.letters import LetterBias
from reporting.naming import Named
from reporting.published import Published
from reporting.quality import QualitySection
from reporting.reasoning import Reasoning
from reporting.rewards import RewardSummary
from reporting.runs import ALL
from reporting.shortcuts import Shortcut
from reporting.svg import Plot
from reporting.views import SENSES, VIEWS
from schemas.artifact import Rows
from schemas.values import Value

_FOLDER = Path(__file__).parent / "html"
_SCRIPTS = ("elements.js", "pairs.js", "examples.js")


class Curves(Value):
    """The plots of one training run."""

    title: str
    note: str
    plots: tuple[Plot, ...]


class FunnelStep(Value):
    """One source in one step of curation, with its row counts."""

    source: str
    step: str
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


class Answers(Value):
    """How a model answers, whatever it answers: letters, lengths, and what it answers without having seen or heard.

    letters, lengths: of each run. surviving: right answers that are right in other views too. naming: contexts that
    name what was taken away.
    """

    letters: tuple[LetterBias, ...] = ()
    lengths: tuple[Lengths, ...] = ()
    surviving: tuple[Shortcut, ...] = ()
    naming: tuple[Named, ...] = ()

    @property
    def shown(self) -> bool:
        return bool(self.letters or self.lengths or self.surviving or self.naming)


class AskedBy(Value):
    """How some benchmarks were asked and answered, in words."""

    benchmarks: tuple[str, ...]
    words: str


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
    numbers. made: benchmarks whose rows were made, beside which no published number stands. accuracies, differences:
    as `accuracies` and `differences` return them. exhibits_note: how they were chosen. compared: titles of the two runs
    that the browser of examples compares first, from and to.
    """

    title: str
    lead: tuple[str, ...]
    notices: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    protocols: tuple[AskedBy, ...] = ()
    conclusions: Conclusions | None = None
    accuracies: tuple[Accuracy, ...] = ()
    accuracy_plots: tuple[Plot, ...] = ()
    differences: tuple[Difference, ...] = ()
    forests: tuple[Plot, ...] = ()
    categories: tuple[CategoryTable, ...] = ()
    answers: Answers = Answers()
    reasoning: Reasoning = Reasoning()
    rewards: RewardSection | None = None
    curves: tuple[Curves, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()
    quality: QualitySection | None = None
    baselines: tuple[Published, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    exhibits_note: str = ""
    compared: tuple[str, str] | None = None
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
    script = "".join(map(_text, _SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            headline=headline(page),
            tables=family_tables(page),
            embedded=embed(page.exhibits, page.quality.pairs if page.quality else ()),
            style=Markup(_text("page.css")),
            script=Markup(script),
            script_digest=digest,
        )
    )


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def headline(page: ReportPage) -> tuple[tuple[str, tuple[Accuracy, ...]], ...]:
    """Each benchmark with each run on it, all families together; all in the order in which they were given."""
    rows = [row for row in page.accuracies if row.family == ALL]
    return tuple((name, tuple(row for row in rows if row.benchmark == name)) for name in _benchmarks(page.accuracies))


def family_tables(page: ReportPage) -> tuple[FamilyTable, ...]:
    """One table a benchmark; runs in the order in which they were given."""
    return tuple(_family_table(page, name) for name in _benchmarks(page.accuracies))


def _benchmarks(rows: Iterable[Accuracy]) -> list[str]:
    return list(dict.fromkeys(row.benchmark for row in rows))


def _grouped(rows: Iterable[Any], field: str) -> list[tuple[str, list[Any]]]:
    """Rows under the value of one of their fields, in the order in which values first come."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(getattr(row, field), []).append(row)
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


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals |= {"grouped": _grouped, "few": FEW, "n": notation, "ALL": ALL, "VIEWS": VIEWS, "SENSES": SENSES}
    return made
