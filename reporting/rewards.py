"""What training would have paid: mean reward of a run's completions, in total and by name.

The total weighs the rewards as the recipe does and is known only where every weighted reward is; gates
between rewards are not applied, so it is the plain weighted sum.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from reporting.differences import Column, Comparison, Difference, average_draws, compare
from reporting.intervals import Interval, mean_interval
from reporting.runs import Run, columns
from schemas.training import RewardTerm
from schemas.values import Value

TOTAL = "total"


class RewardMean(Value):
    """One reward's mean over completions. weight: its share in the total; None for the total itself."""

    name: str
    weight: float | None
    mean: Interval
    unknown: int


class RewardSummary(Value):
    """One run's rewards: the weighted total, and each reward by itself (0 to 1) in the order of the terms."""

    run: str
    title: str
    total: RewardMean
    parts: tuple[RewardMean, ...]
    examples: int
    completions: int


def reward_summaries(runs: Iterable[Run], terms: Sequence[RewardTerm], seed: int = 0) -> tuple[RewardSummary, ...]:
    """Each run's mean rewards, with intervals clustered by group over all its benchmarks and draws."""
    return tuple(_summary(run, terms, seed) for run in runs)


def reward_differences(
    runs: Iterable[Run], comparisons: Iterable[Comparison], terms: Sequence[RewardTerm], seed: int = 0
) -> tuple[Difference, ...]:
    """Paired differences of the total and of each reward, named in `family`; benchmarks together."""
    found = {run.name: _columns(run, terms) for run in runs}
    ranges = _ranges(terms)
    return tuple(
        compare(
            comparison,
            "",
            name,
            found[comparison.run][name],
            found[comparison.against][name],
            seed,
            (0.0, ranges[name]),
        )
        for comparison in comparisons
        for name in ranges
    )


def _summary(run: Run, terms: Sequence[RewardTerm], seed: int) -> RewardSummary:
    found, values, ranges = columns(run), _rewards(run, terms), _ranges(terms)

    def mean(name: str, weight: float | None) -> RewardMean:
        known = np.isfinite(values[name])
        interval = mean_interval(values[name][known], found.group[known], seed, support=(0.0, ranges[name]))
        return RewardMean(name=name, weight=weight, mean=interval, unknown=int((~known).sum()))

    return RewardSummary(
        run=run.name,
        title=run.title,
        total=mean(TOTAL, None),
        parts=tuple(mean(term.reward, term.weight) for term in terms),
        examples=len(set(found.key)),
        completions=len(found.key),
    )


def _columns(run: Run, terms: Sequence[RewardTerm]) -> dict[str, Column]:
    found = columns(run)
    return {name: average_draws(found.key, found.group, values) for name, values in _rewards(run, terms).items()}


def _rewards(run: Run, terms: Sequence[RewardTerm]) -> dict[str, np.ndarray]:
    """The total and each reward, (rows,) each, NaN where it is not known."""
    rows = [dict(row) for row in run.scores["rewards"].to_pylist()]
    parts = {term.reward: np.array([row.get(term.reward, np.nan) for row in rows], dtype=float) for term in terms}
    total = sum((term.weight * parts[term.reward] for term in terms), np.zeros(len(rows)))
    return {TOTAL: total, **parts}


def _ranges(terms: Sequence[RewardTerm]) -> dict[str, float]:
    """The most that the total and each reward can be."""
    return {TOTAL: sum(term.weight for term in terms), **{term.reward: 1.0 for term in terms}}
