"""The report's tables as Markdown, for a terminal and for Prefect's artifact view."""

import re
from collections.abc import Iterable, Iterator, Sequence

from reporting import notation as n
from reporting.accuracy import FEW, Accuracy
from reporting.categories import CategoryTable, Line
from reporting.categories import Cell as CategoryCell
from reporting.conclusions import Conclusions
from reporting.differences import Difference
from reporting.intervals import Interval
from reporting.page import Answers, FamilyTable, FunnelStep, ReportPage, RewardSection, family_tables, headline
from reporting.published import Published
from reporting.quality import Outcome
from reporting.runs import ALL, POOLED
from reporting.views import SENSES, VIEWS

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
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = re.compile(r"[\\`*_\[\]|#~$@]|(?<=\w):(?=//)|(?i:(?<=\bwww)\.)")
_LIST = re.compile(r"^(\d*)(?=[-+=!.)])")


def markdown(page: ReportPage) -> str:
    """The tables of the page but for its drawings, training curves and examples, with the same numbers."""
    parts = [
        f"# {_plain(page.title)}",
        *map(_paragraph, page.lead),
        *(f"> {_paragraph(text)}" for text in page.notices),
    ]
    if page.conclusions:
        parts += _conclusions(page.conclusions)
    if page.accuracies:
        parts += ["## Accuracy", _headline([row for _, rows in headline(page) for row in rows]), _NOTE]
        parts += [f"{_paragraph(', '.join(way.benchmarks))}: {_plain(way.words)}." for way in page.protocols]
    if page.made and page.accuracies:
        parts.append(f"No published number stands beside these: {_plain(', '.join(page.made))} are made rows.")
    if page.baselines:
        parts += ["## Published numbers", _BESIDE, _published(page.baselines)]
    if page.differences:
        parts += ["## Paired comparisons", _differences(page.differences), _PAIRED]
    if page.categories:
        parts += ["## Accuracy by category", *map(_categories, page.categories)]
    if page.accuracies:
        parts += ["## Accuracy by family", *map(_families, family_tables(page))]
    if page.answers.shown:
        parts += ["## How the models answer", *_answers(page.answers)]
    if page.rewards:
        parts += ["## Sampled reward", _rewards(page.rewards)]
    if page.funnel:
        parts += ["## Curation", _funnel(page.funnel)]
    if page.quality:
        parts += ["## Quality of the data", _paragraph(page.quality.note), _outcomes(page.quality.outcomes)]
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
            yield "\n".join(f"- {_paragraph(sentence)}" for sentence in sentences)


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
    return _table(head, cells, words=2)


def _published(rows: Sequence[Published]) -> str:
    cells = [
        (row.model, row.benchmark, row.protocol, row.source, row.doubt, f"{row.figure:.1f}", n.count(row.n))
        for row in rows
    ]
    return _table(("Model", "Benchmark", "Protocol", "Source", "Doubt", "%", "n"), cells, words=5)


def _families(table: FamilyTable) -> str:
    head = (f"{table.benchmark}, by family", *table.runs, "Chance", "Majority")
    cells = [(row.family, *map(_cell, row.cells), n.percent(row.chance), n.percent(row.majority)) for row in table.rows]
    return _table(head, cells)


def _cell(cell: Accuracy | CategoryCell | None) -> str:
    if cell is None:
        return n.UNKNOWN
    return _with_bounds(n.percent(cell.accuracy.mean), n.percent_bounds(cell.accuracy)) + ("†" if cell.few else "")


def _categories(table: CategoryTable) -> str:
    head = (f"{table.benchmark}, mean over {table.average}", "Category", "n", *table.runs)
    cells = [("overall", "", *_line(table.overall))]
    cells += [
        (part.breakdown, line.category or "not stated", *_line(line)) for part in table.parts for line in part.lines
    ]
    return _table(head, cells, words=2)


def _line(line: Line) -> tuple[str, ...]:
    return n.count(line.n), *map(_cell, line.cells)


def _answers(found: Answers) -> Iterator[str]:
    """Over all benchmarks; the page has each."""
    surviving = [
        (
            row.title,
            ", ".join(VIEWS[view].title for view in row.views) + (": in each" if len(row.views) > 1 else ""),
            "all families" if row.family == ALL else row.family,
            _share(row.survived),
            n.percent(row.chance),
            n.count(row.survived.n),
        )
        for row in found.surviving
        if row.benchmark == POOLED
    ]
    if surviving:
        yield _table(
            ("Right answers of", "still right in the view", "Family", "%", "Guessing", "n"), surviving, words=3
        )
    named = [
        (row.title, SENSES[row.sense], _share(row.difference.of_run), _share(row.difference.of_against))
        for row in found.naming
    ]
    if named:
        yield _table(("Contexts of", "that name", "taken away, %", "full view, %"), named, words=2)
    letters = [
        (
            row.title,
            _share(row.distance),
            n.p_value(row.p),
            ", ".join(f"{one.letter} {100 * one.given:.0f}/{100 * one.gold:.0f}" for one in row.letters),
        )
        for row in found.letters
        if row.benchmark == POOLED
    ]
    if letters:
        yield _table(("Letters of", "apart, %", "p", "given/right, %"), letters)
    lengths = [
        (row.title, row.outcome, f"{row.mean.mean:.1f}", f"{row.half:.0f}", f"{row.most:.0f}", n.count(row.mean.n))
        for row in found.lengths
        if row.benchmark == POOLED
    ]
    if lengths:
        yield _table(("Tokens of", "Outcome", "mean", "half up to", "95% up to", "n"), lengths, words=2)


def _share(interval: Interval) -> str:
    mean = n.percent(interval.mean) + ("†" if interval.n < FEW else "")
    return _with_bounds(mean, n.percent_bounds(interval))


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
    return _table(("Source", "Step", "Left out, by reason", "In", "Out"), cells, words=3)


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
    lines = [map(_plain, head), rule, *(map(_plain, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _paragraph(text: str) -> str:
    """Plain text that begins a line: no list, no rule."""
    return _LIST.sub(r"\1\\", _plain(text))


def _plain(text: str) -> str:
    """Text that stays text: no markup, no link that was not meant, no new row or column."""
    marked = _MARKS.sub(r"\\\g<0>", " ".join(text.split()))
    return "".join(_ENTITIES.get(letter, letter) for letter in marked)


def _any_few(page: ReportPage) -> bool:
    return any(row.few for row in (*page.accuracies, *page.differences))
