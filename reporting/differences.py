"""Paired comparisons: the same examples under two runs, so that their difficulty cancels out.

Draws of one example are averaged first; an example counts where both runs have a value for it. A verdict is
read off the 95% interval of the difference alone, with no correction for how many comparisons a page makes.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from reporting.accuracy import FEW
from reporting.intervals import Interval, minimum_detectable_difference, paired_difference
from reporting.runs import Run, columns, slices
from schemas.values import Value

Verdict = Literal["higher", "lower", "within noise", "too few to say"]


class Comparison(Value):
    """One run against another: names of runs, and a title such as "sound muted, against full"."""

    title: str
    run: str
    against: str


class Difference(Value):
    """run - against on one benchmark and family (or one reward), over the examples known in both.

    unpaired: examples left out because either run has no value. detectable: the smallest true difference that
    such a comparison would tell from zero four times in five; None where the rows show no spread.
    """

    title: str
    run: str
    against: str
    benchmark: str
    family: str
    mean_run: float | None
    mean_against: float | None
    difference: Interval
    detectable: float | None
    unpaired: int
    verdict: Verdict

    @property
    def few(self) -> bool:
        return self.difference.n < FEW


class Column(NamedTuple):
    """One value an example, with the groups that they belong to."""

    values: Mapping[str, float]
    groups: Mapping[str, str]


def differences(runs: Iterable[Run], comparisons: Iterable[Comparison], seed: int = 0) -> tuple[Difference, ...]:
    """Each comparison x benchmark x (all families, then each).

    Raises ValueError for a run that is not given.
    """
    found = {run.name: _slices(run) for run in runs}
    made = []
    for comparison in comparisons:
        if missing := {comparison.run, comparison.against} - set(found):
            raise ValueError(f"comparison {comparison.title!r} names no such run: {sorted(missing)}")
        first, second = found[comparison.run], found[comparison.against]
        places = [place for place in first if place in second]
        if not places:
            raise ValueError(f"comparison {comparison.title!r}: the two runs share no benchmark")
        made += [compare(comparison, *place, first[place], second[place], seed) for place in places]
    return tuple(made)


def compare(
    comparison: Comparison,
    benchmark: str,
    family: str,
    run: Column,
    against: Column,
    seed: int = 0,
    support: tuple[float, float] = (0.0, 1.0),
) -> Difference:
    """The paired difference of two columns over the keys of both; `support` is the range of their values."""
    keys = sorted(run.values.keys() & against.values.keys())
    a = np.array([run.values[key] for key in keys])
    b = np.array([against.values[key] for key in keys])
    groups = [run.groups[key] for key in keys]
    difference = paired_difference(a, b, groups, seed, support=support)
    return Difference(
        title=comparison.title,
        run=comparison.run,
        against=comparison.against,
        benchmark=benchmark,
        family=family,
        mean_run=float(a.mean()) if keys else None,
        mean_against=float(b.mean()) if keys else None,
        difference=difference,
        detectable=minimum_detectable_difference(a, b, groups),
        unpaired=len(run.groups.keys() | against.groups.keys()) - len(keys),
        verdict=verdict(difference),
    )


def verdict(difference: Interval) -> Verdict:
    """`higher` or `lower` when the interval leaves out zero, else `within noise`."""
    if difference.mean is None or not difference.known:
        return "too few to say"
    if not difference.excludes(0.0):
        return "within noise"
    return "higher" if difference.mean > 0 else "lower"


def average_draws(keys: np.ndarray, groups: np.ndarray, values: np.ndarray) -> Column:
    """The mean of each example's known values; `groups` keeps the examples that have none."""
    known = np.isfinite(values)
    names, places = np.unique(keys[known].astype(str), return_inverse=True)
    means = np.bincount(places, values[known]) / np.bincount(places) if len(names) else np.array([])
    return Column(dict(zip(names.tolist(), means.tolist(), strict=True)), dict(zip(keys, groups, strict=True)))


def _slices(run: Run) -> dict[tuple[str, str], Column]:
    return {
        (benchmark, family): average_draws(rows.key, rows.group, rows.value)
        for benchmark, family, rows in slices(columns(run))
    }
