"""What the numbers of a page allow to be said, what they leave open, and what they cannot speak of at all."""

from collections.abc import Iterable, Iterator, Sequence

from reporting import notation as n
from reporting.accuracy import FEW
from reporting.differences import Difference
from reporting.naming import Named
from reporting.rewards import TOTAL
from reporting.runs import ALL, POOLED
from reporting.shortcuts import Shortcut
from reporting.significance import ALPHA
from reporting.views import SENSES, VIEWS
from schemas.values import Value

_SEED = (
    "Each model was trained once. Intervals speak of other questions of the same kind, not of training again with "
    "another seed, other data or other settings."
)
_MADE = (
    "The rows of {names} were made for this run in their publishers' layouts. Nothing here says how a model does on "
    "real video, and no published number applies."
)


class Conclusions(Value):
    """Sentences: supported by a paired difference, left open by one, and what the page as a whole cannot show."""

    supported: tuple[str, ...]
    open: tuple[str, ...]
    limits: tuple[str, ...]


def conclusions(
    found: Sequence[Difference],
    rewarded: Sequence[Difference],
    surviving: Sequence[Shortcut],
    naming: Sequence[Named],
    made: Sequence[str],
) -> Conclusions:
    """From the differences of accuracy over all benchmarks and families, and of sampled rewards.

    made: benchmarks whose rows are a made corpus's.
    """
    overall = [row for row in found if row.family == ALL and row.benchmark == POOLED]
    totals = [row for row in rewarded if row.family == TOTAL]
    return Conclusions(
        supported=(
            *(_claim(row) for row in overall if not row.warning),
            *(_paid(row, rewarded) for row in totals if not row.warning),
            *map(_survival, _together(surviving)),
            *(_named(one) for one in naming if one.difference.difference.mean is not None),
        ),
        open=(
            *(_doubt(row) for row in overall if row.warning),
            *(_paid(row, rewarded) for row in totals if row.warning),
        ),
        limits=tuple(_limits(len(found) + len(rewarded), made)),
    )


def _claim(row: Difference) -> str:
    bounds, p = n.points_bounds(row.difference), n.p_value(row.p)
    return f"{row.title}: accuracy {n.points(row.difference.mean)} points ({bounds}; p {p}, n = {_n(row)})."


def _doubt(row: Difference) -> str:
    seen = f"{row.title}: accuracy {n.points(row.difference.mean)} points, {row.warning} (n = {_n(row)})."
    if row.detectable is None:
        return f"{seen} No question was answered otherwise, so there is no spread to judge by."
    least = n.percent(row.detectable)
    return f"{seen} A true difference of less than {least} points would often go unseen."


def _paid(total: Difference, rewarded: Iterable[Difference]) -> str:
    """The change of the total with that of each reward, so that a rise is seen to be in the format alone."""
    parts = [row for row in rewarded if row.title == total.title and row.family != TOTAL]
    said = [f"{row.family} {n.change(row.difference.mean)}{_aside(row.warning)}" for row in parts]
    mean, bounds = n.change(total.difference.mean), n.change_bounds(total.difference)
    return f"{total.title}: sampled reward {mean} ({bounds}){_aside(total.warning)}; of its parts {', '.join(said)}."


def _aside(warning: str) -> str:
    return f" ({warning})" if warning else ""


def _n(row: Difference) -> str:
    return n.count(row.difference.n)


def _together(found: Iterable[Shortcut]) -> list[Shortcut]:
    """Of each run the widest set of views, where anything was right."""
    widest: dict[str, Shortcut] = {}
    for row in found:
        if (row.benchmark, row.family) == (POOLED, ALL) and row.survived.mean is not None:
            widest[row.run] = max(row, widest.get(row.run, row), key=lambda one: len(one.views))
    return list(widest.values())


def _survival(row: Shortcut) -> str:
    views = ", ".join(VIEWS[view].title for view in row.views)
    bounds, chance = n.percent_bounds(row.survived), n.percent(row.chance)
    return (
        f"{row.title}: {n.percent(row.survived.mean)}% of its right answers stay right in "
        f"{'every one of these views' if len(row.views) > 1 else 'this view'}: {views} ({bounds}; a guess: {chance}%). "
        "These do not show that it used what was taken away."
    )


def _named(one: Named) -> str:
    share, full = n.percent(one.difference.of_run.mean), n.percent(one.difference.of_against.mean)
    return (
        f"{one.title}: {share}% of its contexts name {SENSES[one.sense]} although there was nothing of it "
        f"(in the full view {full}%); so much is made up."
    )


def _limits(tested: int, made: Sequence[str]) -> Iterator[str]:
    if made:
        yield _MADE.format(names=", ".join(made))
    yield _SEED
    if tested:
        yield (
            f"{tested} differences are tested on this page and none is corrected for their number: where there is no "
            f"effect at all, about {max(1, round(ALPHA * tested))} would look like one. Numbers from fewer than {FEW} "
            "rows are marked †."
        )
