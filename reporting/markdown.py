"""The report's tables as Markdown, for a terminal and for Prefect's artifact view."""

from collections.abc import Iterable, Sequence

from reporting import notation as n
from reporting.accuracy import FEW, Accuracy
from reporting.differences import Difference
from reporting.intervals import Interval
from reporting.page import FamilyTable, ReportPage, RewardSection, family_tables, headline
from reporting.quality import Outcome
from reporting.runs import ALL

_NOTE = (
    "Accuracy in %, with its 95% interval clustered by video. Unanswered counts as wrong; load errors and "
    "unjudged rows are left out. Intervals speak of other questions, not of other training seeds."
)


def markdown(page: ReportPage) -> str:
    """Headline, families, paired comparisons, rewards and quality of the data; the same numbers as the page."""
    parts = [
        f"# {_plain(page.title)}",
        *map(_plain, page.lead),
        *(f"> {_plain(text)}" for text in page.notices),
    ]
    if page.accuracies:
        parts += [
            "## Accuracy",
            _headline([row for _, rows in headline(page) for row in rows]),
            _NOTE,
            *map(_families, family_tables(page)),
        ]
    if page.differences:
        parts += ["## Paired comparisons", _differences(page.differences)]
    if page.rewards:
        parts += ["## Sampled reward", _rewards(page.rewards)]
    if page.quality:
        parts += ["## Quality of the data", _plain(page.quality.note), _outcomes(page.quality.outcomes)]
    if _any_few(page):
        parts.append(f"† fewer than {FEW} scored rows.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(rows: Iterable[Accuracy]) -> str:
    head = (
        "Run", "Benchmark", "Accuracy", "95%", "n", "Of answered", "Answered",
        "Unanswered", "Load errors", "Unjudged", "Chance", "Majority",
    )  # fmt: skip
    cells = [
        (
            row.title,
            row.benchmark,
            n.percent(row.accuracy.mean) + ("†" if row.few else ""),
            n.percent_bounds(row.accuracy),
            n.count(row.accuracy.n),
            n.percent(row.of_answered.mean),
            n.count(row.answered),
            n.count(row.unanswered),
            n.count(row.load_errors),
            n.count(row.unjudged),
            n.percent(row.chance),
            n.percent(row.majority),
        )
        for row in rows
    ]
    return _table(head, cells, words=2)


def _families(table: FamilyTable) -> str:
    head = (f"{table.benchmark}, by family", *table.runs, "Chance", "Majority")
    cells = [(row.family, *map(_cell, row.cells), n.percent(row.chance), n.percent(row.majority)) for row in table.rows]
    return _table(head, cells)


def _cell(cell: Accuracy | None) -> str:
    if cell is None:
        return n.UNKNOWN
    return _with_bounds(n.percent(cell.accuracy.mean), n.percent_bounds(cell.accuracy)) + ("†" if cell.few else "")


def _differences(rows: Sequence[Difference]) -> str:
    head = ("Comparison", "Benchmark", "Family", "Difference, points", "95%", "Verdict", "Pairs")
    cells = [
        (
            row.title,
            row.benchmark,
            "all families" if row.family == ALL else row.family,
            n.points(row.difference.mean) + ("†" if row.few else ""),
            n.points_bounds(row.difference),
            row.verdict,
            n.count(row.difference.n),
        )
        for row in rows
    ]
    return _table(head, cells, words=3)


def _rewards(section: RewardSection) -> str:
    names = [part.name for part in section.rows[0].sampled.parts] if section.rows else []
    cells = [
        (
            row.sampled.title,
            _decimals(row.sampled.total.mean),
            *(_decimals(part.mean) for part in row.sampled.parts),
            _cell(row.greedy),
        )
        for row in section.rows
    ]
    changes = [
        (row.title, row.family, n.change(row.difference.mean), n.change_bounds(row.difference), row.verdict)
        for row in section.reward_differences
    ]
    tables = [_table(("Run", "Total", *names, "Greedy accuracy, %"), cells)]
    if changes:
        tables.append(_table(("Comparison", "Reward", "Difference", "95%", "Verdict"), changes, words=2))
    if section.accuracy_differences:
        tables.append(_differences(section.accuracy_differences))
    return "\n\n".join(tables)


def _outcomes(rows: Iterable[Outcome]) -> str:
    cells = [
        (
            row.source,
            row.step,
            row.outcome,
            n.percent(row.share.mean),
            n.percent_bounds(row.share),
            n.count(row.rows),
            n.count(row.share.n),
        )
        for row in rows
    ]
    return _table(("Source", "Step", "Outcome", "Share, %", "95%", "Rows", "Of"), cells, words=3)


def _decimals(interval: Interval) -> str:
    return _with_bounds(n.decimal(interval.mean), n.decimal_bounds(interval))


def _with_bounds(mean: str, bounds: str) -> str:
    return f"{mean} ({bounds})" if bounds else mean


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are words, the rest numbers."""
    rule = ["---" if place < words else "---:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(map(_plain, row))} |" for row in [head, rule, *rows])


def _plain(text: str) -> str:
    """Text that stays text: no markup, no new row or column."""
    escaped = "".join(f"\\{mark}" if mark in "\\`*_[]|#" else mark for mark in " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")


def _any_few(page: ReportPage) -> bool:
    return any(row.few for row in (*page.accuracies, *page.differences))
