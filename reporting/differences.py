"""Paired comparisons: the same examples under two runs, so that their difficulty cancels out.

Draws of one example are averaged first; an example counts where both runs have a value for it. The interval is the
paired bootstrap over videos, the test turns whole videos (`reporting/significance.py`). A verdict needs both, as each
has a weakness: few rows that differ make the interval too narrow, and the test says nothing of size. Nothing is
corrected for how many comparisons a page makes.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from reporting.accuracy import FEW
from reporting.intervals import Interval, mean_interval, minimum_detectable_difference, paired_difference
from reporting.runs import Run, columns, slices
from reporting.significance import ALPHA, turning_p
from schemas.values import Value

Verdict = Literal["higher", "lower", "within noise", "too few to say"]


class Comparison(Value):
    """One run against another: names of runs, and a title such as "sound muted, against full"."""

    title: str
    run: str
    against: str


class Difference(Value):
    """run - against on one benchmark and family (or one reward), over the examples known in both.

    of_run, of_against: the mean of each over those same examples. better, worse: how many have a higher, or a lower,
    value under `run`: where all is right or wrong, those that turned right, or wrong. p: two-sided, with whole videos
    turned. mcnemar: McNemar's exact p, which takes every question for a video of its own; None where a value is neither
    0 nor 1. Both are None where there are no examples. unpaired: examples left out because either run has no value.
    detectable: the smallest true difference that such a comparison would tell from zero four times in five; None where
    the rows show no spread.
    """

    title: str
    run: str
    against: str
    benchmark: str
    family: str
    of_run: Interval
    of_against: Interval
    difference: Interval
    better: int
    worse: int
    p: float | None
    mcnemar: float | None
    detectable: float | None
    unpaired: int
    verdict: Verdict

    @property
    def few(self) -> bool:
        return self.difference.n < FEW

    @property
    def warning(self) -> str:
        """Why no claim should rest on this; empty where nothing speaks against one."""
        doubts = [] if self.verdict in ("higher", "lower") else [str(self.verdict)]
        if self.few:
            doubts.append(f"n < {FEW}")
        return ", ".join(doubts)


class Column(NamedTuple):
    """One value an example, with the groups that they belong to."""

    values: Mapping[str, float]
    groups: Mapping[str, str]


def differences(runs: Iterable[Run], comparisons: Iterable[Comparison], seed: int = 0) -> tuple[Difference, ...]:
    """Each comparison x benchmark x (all families, then each).

    Raises ValueError for a run that is not given, and for runs that share no benchmark or whose examples of one id have
    different gold answers.
    """
    given = {run.name: run for run in runs}
    found = {name: _slices(run) for name, run in given.items()}
    made = []
    for comparison in comparisons:
        if missing := {comparison.run, comparison.against} - set(found):
            raise ValueError(f"comparison {comparison.title!r} names no such run: {sorted(missing)}")
        first, second = found[comparison.run], found[comparison.against]
        places = [place for place in first if place in second]
        if not places:
            raise ValueError(f"comparison {comparison.title!r}: the two runs share no benchmark")
        _check_golds(given[comparison.run], given[comparison.against])
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
    p = turning_p(a, b, groups, seed) if keys else None
    return Difference(
        title=comparison.title,
        run=comparison.run,
        against=comparison.against,
        benchmark=benchmark,
        family=family,
        of_run=mean_interval(a, groups, seed, support=support),
        of_against=mean_interval(b, groups, seed, support=support),
        difference=difference,
        better=int((a > b).sum()),
        worse=int((a < b).sum()),
        p=p,
        mcnemar=turning_p(a, b, keys) if keys and np.isin([a, b], (0.0, 1.0)).all() else None,
        detectable=minimum_detectable_difference(a, b, groups),
        unpaired=len(run.groups.keys() | against.groups.keys()) - len(keys),
        verdict=verdict(difference, p),
    )


def verdict(difference: Interval, p: float | None) -> Verdict:
    """`higher` or `lower` when the interval leaves out zero and p is at most 0.05, else `within noise`."""
    if difference.mean is None or not difference.known or p is None:
        return "too few to say"
    if not difference.excludes(0.0) or p > ALPHA:
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


def _check_golds(run: Run, against: Run) -> None:
    """The same id must be the same question: its answer at least must be."""
    golds = _golds(run)
    other = {key for key, gold in _golds(against).items() if golds.get(key, gold) != gold}
    if other:
        benchmark, id = min(other).split("\n", 1)
        raise ValueError(
            f"{len(other)} examples have another gold answer in {against.name} than in {run.name}, "
            f"such as {id} of {benchmark}: the benchmark was read from another revision, or otherwise"
        )


def _golds(run: Run) -> dict[str, str]:
    found = columns(run)
    return dict(zip(found.key, found.gold, strict=True))
