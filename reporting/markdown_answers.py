"""How models answer and reason, as Markdown tables."""

from collections.abc import Iterator

from reporting import notation as n
from reporting.accuracy import FEW
from reporting.intervals import Interval
from reporting.markdown_text import paragraph, plain, table
from reporting.page import Answers
from reporting.reasoning import Consistency, JudgedMean, Known, Reasoning
from reporting.runs import ALL, POOLED
from reporting.views import SENSES, VIEWS

_JUDGED = (
    "Means of a judge, {judge}, 0 to 1, on a sample. What it could not judge is in no mean; no difference is tested."
)
_CONSISTENT = (
    "Answers that the reasoning before them argues for, in % of those of which that is known: no random part of all "
    "answers."
)


def answers(found: Answers) -> Iterator[str]:
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
        yield table(("Right answers of", "still right in the view", "Family", "%", "Guessing", "n"), surviving, words=3)
    named = [
        (row.title, SENSES[row.sense], _share(row.difference.of_run), _share(row.difference.of_against))
        for row in found.naming
    ]
    if named:
        yield table(("Contexts of", "that name", "taken away, %", "full view, %"), named, words=2)
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
        yield table(("Letters of", "apart, %", "p", "given/right, %"), letters)
    lengths = [
        (row.title, row.outcome, f"{row.mean.mean:.1f}", f"{row.half:.0f}", f"{row.most:.0f}", n.count(row.mean.n))
        for row in found.lengths
        if row.benchmark == POOLED
    ]
    if lengths:
        yield table(("Tokens of", "Outcome", "mean", "half up to", "95% up to", "n"), lengths, words=2)


def _share(interval: Interval) -> str:
    mean = n.percent(interval.mean) + ("†" if interval.n < FEW else "")
    return n.with_bounds(mean, n.percent_bounds(interval))


def reasoning(found: Reasoning) -> Iterator[str]:
    """A judge's means by benchmark; whether reasoning argues for the answer over all benchmarks: the page has each."""
    if found.judged:
        yield _JUDGED.format(judge=plain(found.judge))
        yield paragraph(found.judged_doubt)
        head = ("Model", "Benchmark", "Judged", "Not known, by reason", "Mean", "95%", "Known of asked")
        yield table(head, [_judged(row) for row in found.judged], words=4)
    if found.consistent:
        yield _CONSISTENT
        yield paragraph(found.consistent_doubt)
        head = ("Reasoning of", "Of answers", "Known", "Of right ones", "Known", "Of wrong ones", "Known")
        yield table(head, [_consistent(row) for row in found.consistent if row.benchmark == POOLED])


def _judged(row: JudgedMean) -> tuple[str, ...]:
    return (
        row.title,
        row.benchmark,
        row.what,
        ", ".join(f"{reason} {n.count(count)}" for reason, count in sorted(row.unknown.items())),
        n.decimal(row.mean.mean) + ("†" if row.mean.n < FEW else ""),
        n.decimal_bounds(row.mean),
        f"{n.count(row.mean.n)} of {n.count(row.asked)}",
    )


def _consistent(row: Consistency) -> tuple[str, ...]:
    return (row.title, *_known(row.every), *_known(row.right), *_known(row.wrong))


def _known(part: Known) -> tuple[str, str]:
    return _share(part.share), f"{n.count(part.share.n)} of {n.count(part.of)}"
