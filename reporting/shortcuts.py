"""How many right answers need what was taken away: those that survive muting or blinding rest on something else.

Paired with the full view on the same examples. A question that a run still answers rightly without picture and sound
is answered from its text, or guessed: `chance` says how many a guess would get.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from reporting.differences import average_draws
from reporting.intervals import Interval, mean_interval
from reporting.runs import Columns, Run, columns, slices
from reporting.views import VIEWS
from schemas.training import View
from schemas.values import Value

RIGHT_FROM = 0.5
"""From this value on an answer counts as right; of several draws, their mean."""


class Shortcut(Value):
    """The right answers of a run on one benchmark and family, and the share that is right in all of `views` as well.

    survived: over the right answers that have a value in every view, clustered by video. unpaired: right answers that
    have not. chance: the mean over those rows of a uniform guess.
    """

    run: str
    title: str
    views: tuple[View, ...]
    benchmark: str
    family: str
    survived: Interval
    chance: float | None
    unpaired: int


def shortcuts(full: Run, altered: Sequence[Run], seed: int = 0) -> tuple[Shortcut, ...]:
    """Each altered run, and where there are more all of them together, x benchmark x (all families, then each).

    full: one model on the examples as they are; altered: the same model with something taken away. Raises ValueError
    for an altered run that is of no view.
    """
    means, kinds = [_means(run) for run in altered], [_view(run) for run in altered]
    alone = [((view,), [mean]) for view, mean in zip(kinds, means, strict=True)]
    together = [(tuple(kinds), means)] if len(altered) > 1 else []
    return tuple(
        _shortcut(full, views, seen, (benchmark, family), rows, seed)
        for views, seen in [*alone, *together]
        for benchmark, family, rows in slices(columns(full))
    )


def _view(run: Run) -> View:
    for view in VIEWS:
        if view == run.kind:
            return view
    raise ValueError(f"run {run.name!r} is of kind {run.kind!r}, which is no view")


def _means(run: Run) -> Mapping[str, float]:
    found = columns(run)
    return average_draws(found.key, found.group, found.value).values


def _shortcut(
    full: Run,
    views: tuple[View, ...],
    altered: Sequence[Mapping[str, float]],
    place: tuple[str, str],
    rows: Columns,
    seed: int,
) -> Shortcut:
    own = average_draws(rows.key, rows.group, rows.value)
    right = [key for key, value in own.values.items() if value >= RIGHT_FROM]
    known = [key for key in right if all(key in view for view in altered)]
    survived = [float(all(view[key] >= RIGHT_FROM for view in altered)) for key in known]
    chances = dict(zip(rows.key, rows.chance, strict=True))
    return Shortcut(
        run=full.name,
        title=full.title,
        views=views,
        benchmark=place[0],
        family=place[1],
        survived=mean_interval(survived, [own.groups[key] for key in known], seed),
        chance=float(np.mean([chances[key] for key in known])) if known else None,
        unpaired=len(right) - len(known),
    )
