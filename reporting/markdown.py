"""The report's tables as Markdown, for a terminal and for Prefect's artifact view."""

from collections.abc import Iterable, Iterator, Sequence

from reporting import notation as n
from reporting.accuracy import FEW, Accuracy
from reporting.categories import CategoryTable, Line
from reporting.categories import Cell as CategoryCell
from reporting.conclusions import Conclusions
from reporting.differences import Difference
from reporting.intervals import Interval
from reporting.markdown_answers import answers, reasoning
from reporting.markdown_text import paragraph, plain, table
from reporting.page import FamilyTable, FunnelStep, ReportPage, RewardSection, family_tables, headline
from reporting.published import Published
from reporting.quality import Outcome
from reporting.runs import ALL

_NOTE = (
    "Accuracy in %, with its 95% interval clustered by video. Unanswered counts as wrong; load errors and "
    "unjudged rows are left out, and “these as wrong” counts load errors as wrong answers. Intervals speak of other "
    "questions, not of other training seeds."
)
_PAIRED = (
    "p: whole videos are swapped between the runs. McNemar: as if every question had a video of its own. Detectable: "
    "the smallest true difference that such a comparison finds four times in five."
)
_BESIDE = "Each under its own protocol: beside ours, not against ours."


def markdown(page: ReportPage) -> str:
    """The tables of the page but for its drawings, training curves and examples, with the same numbers."""
    parts = [
        f"# {plain(page.title)}",
        *map(paragraph, page.lead),
        *(f"> {paragraph(text)}" for text in page.notices),
    ]
    if page.conclusions:
        parts += _conclusions(page.conclusions)
    if page.accuracies:
        parts += ["## Accuracy", _headline([row for _, rows in headline(page) for row in rows]), _NOTE]
        parts += [f"{paragraph(', '.join(way.benchmarks))}: {plain(way.words)}." for way in page.protocols]
    if page.made and page.accuracies:
        parts.append(f"No published number stands beside these: {plain(', '.join(page.made))} are made rows.")
    if page.baselines:
        parts += ["## Published numbers", _BESIDE, _published(page.baselines)]
    if page.differences:
        parts += ["## Paired comparisons", _differences(page.differences), _PAIRED]
    if page.categories:
        parts += ["## Accuracy by category", *map(_categories, page.categories)]
    if page.accuracies:
        parts += ["## Accuracy by family", *map(_families, family_tables(page))]
    if page.answers.shown:
        parts += ["## How the models answer", *answers(page.answers)]
    if page.reasoning.shown:
        parts += ["## Contexts and reasoning", *reasoning(page.reasoning)]
    if page.rewards:
        parts += ["## Sampled reward", _rewards(page.rewards)]
    if page.funnel:
        parts += ["## Curation", _funnel(page.funnel)]
    if page.quality:
        parts += ["## Quality of the data", paragraph(page.quality.note), _outcomes(page.quality.outcomes)]
    if _any_few(page):
        parts.append(f"† fewer than {FEW} scored rows.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _conclusions(found: Conclusions) -> Iterator[str]:
    yield "## What can be concluded, and what cannot"
    titled = {
        "These numbers support": found.supported,
        "They leave open": found.open,
        "They cannot speak of": found.limits,
    }
    for title, sentences in titled.items():
        if sentences:
            yield f"**{title}**"
            yield "\n".join(f"- {paragraph(sentence)}" for sentence in sentences)


def _headline(rows: Iterable[Accuracy]) -> str:
    head = (
        "Run", "Benchmark", "Accuracy", "95%", "n", "Of answered", "Answered",
        "Unanswered", "Load errors", "These as wrong", "Unjudged", "Chance", "Majority",
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
            n.percent(row.with_load_errors),
            n.count(row.unjudged),
            n.percent(row.chance),
            n.percent(row.majority),
        )
        for row in rows
    ]
    return table(head, cells, words=2)


def _published(rows: Sequence[Published]) -> str:
    cells = [
        (row.model, row.benchmark, row.protocol, row.source, row.doubt, f"{row.figure:.1f}", n.count(row.n))
        for row in rows
    ]
    return table(("Model", "Benchmark", "Protocol", "Source", "Doubt", "%", "n"), cells, words=5)


def _families(found: FamilyTable) -> str:
    head = (f"{found.benchmark}, by family", *found.runs, "Chance", "Majority")
    cells = [(row.family, *map(_cell, row.cells), n.percent(row.chance), n.percent(row.majority)) for row in found.rows]
    return table(head, cells)


def _cell(cell: Accuracy | CategoryCell | None) -> str:
    if cell is None:
        return n.UNKNOWN
    return n.with_bounds(n.percent(cell.accuracy.mean), n.percent_bounds(cell.accuracy)) + ("†" if cell.few else "")


def _categories(found: CategoryTable) -> str:
    head = (f"{found.benchmark}, mean over {found.average}", "Category", "n", *found.runs)
    cells = [("overall", "", *_line(found.overall))]
    cells += [
        (part.breakdown, line.category or "not stated", *_line(line)) for part in found.parts for line in part.lines
    ]
    return table(head, cells, words=2)


def _line(line: Line) -> tuple[str, ...]:
    return n.count(line.n), *map(_cell, line.cells)


def _differences(rows: Sequence[Difference]) -> str:
    head = (
        "Comparison", "Benchmark", "Family", "Difference, points", "95%", "Verdict", "p", "McNemar", "Detectable",
        "Better", "Worse", "Pairs",
    )  # fmt: skip
    cells = [
        (
            row.title,
            row.benchmark,
            "all families" if row.family == ALL else row.family,
            n.points(row.difference.mean) + ("†" if row.few else ""),
            n.points_bounds(row.difference),
            row.warning or row.verdict,
            n.p_value(row.p),
            n.p_value(row.mcnemar),
            n.percent(row.detectable),
            n.count(row.better),
            n.count(row.worse),
            n.count(row.difference.n),
        )
        for row in rows
    ]
    return table(head, cells, words=3)


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
    tables = [table(("Run", "Total", *names, "Greedy accuracy, %"), cells)]
    if changes:
        tables.append(table(("Comparison", "Reward", "Difference", "95%", "Verdict"), changes, words=2))
    if section.accuracy_differences:
        tables.append(_differences(section.accuracy_differences))
    return "\n\n".join(tables)


def _funnel(steps: Sequence[FunnelStep]) -> str:
    cells = [
        (
            step.source,
            step.step,
            ", ".join(f"{reason} {n.count(rows)}" for reason, rows in sorted(step.rows.rejected.items())),
            n.count(step.rows.entered),
            n.count(step.rows.left),
        )
        for step in steps
    ]
    return table(("Source", "Step", "Left out, by reason", "In", "Out"), cells, words=3)


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
    return table(("Source", "Step", "Outcome", "Share, %", "95%", "Rows", "Of"), cells, words=3)


def _decimals(interval: Interval) -> str:
    return n.with_bounds(n.decimal(interval.mean), n.decimal_bounds(interval))


def _any_few(page: ReportPage) -> bool:
    return any(row.few for row in (*page.accuracies, *page.differences))
