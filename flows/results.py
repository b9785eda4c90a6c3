"""The results of a report as a terminal shows them: accuracy by family over all benchmarks, then sampled rewards."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reporting.accuracy import Accuracy
from reporting.intervals import Interval
from reporting.page import ReportPage, RewardRow
from reporting.runs import POOLED

_ALL = "all"


def print_results(out: Console, folder: Path) -> None:
    """Print the tables of the report in `folder`."""
    page = ReportPage.model_validate_json((folder / "report.json").read_text(encoding="utf-8"))
    rows = [row for row in page.accuracies if row.benchmark == POOLED]
    out.print(_accuracy_table(rows))
    if page.rewards:
        out.print(_reward_table(page.rewards.rows))
    for notice in page.notices:
        out.print(escape(notice), style="dim")


def _accuracy_table(rows: list[Accuracy]) -> Table:
    families = [*sorted({row.family for row in rows} - {_ALL}), _ALL]
    cells = {(row.run, row.family): row for row in rows}
    table = Table("accuracy in %, 95% interval", *(f"{name}, n" for name in families), box=None)
    first = rows[0].run if rows else ""
    table.add_row("chance", *(_chance(cells.get((first, family))) for family in families), style="dim")
    for run, title in {row.run: row.title for row in rows}.items():
        table.add_row(escape(title), *(_cell(cells.get((run, family))) for family in families))
    return table


def _chance(row: Accuracy | None) -> str:
    return "" if row is None or row.chance is None else f"{100 * row.chance:.1f}, {row.accuracy.n}"


def _cell(row: Accuracy | None) -> str:
    return "" if row is None else _shown(row.accuracy, 100, 1)


def _reward_table(rows: tuple[RewardRow, ...]) -> Table:
    names = [part.name for part in rows[0].sampled.parts] if rows else []
    table = Table("mean sampled reward on held-out prompts", "total", *names, box=None)
    for row in rows:
        sampled = row.sampled
        cells = [_shown(part.mean, 1, 3) for part in (sampled.total, *sampled.parts)]
        table.add_row(escape(sampled.title), *cells)
    return table


def _shown(interval: Interval, scale: float, digits: int) -> str:
    if interval.mean is None:
        return "no rows"
    mean = f"{scale * interval.mean:.{digits}f}"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean} ({scale * interval.low:.{digits}f}–{scale * interval.high:.{digits}f})"
