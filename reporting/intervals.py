"""How sure a mean is: 95% bootstrap intervals clustered by group, because the questions of one video agree.

Groups (videos, pictures) are drawn with replacement, never single rows: a draw is a ratio of summed values to
summed counts. With few groups the plain percentile interval is too narrow; its percentiles are widened to
match Student's t ("expanded percentile", Hesterberg 2015, arXiv 1411.5279). Where all rows have one value
(every answer right, say) resampling says nothing: then at most a share 1 - 0.025^(1/groups) of the groups may
still differ (Clopper and Pearson 1934), and the bounds say how far that could move the mean within `support`,
the range of possible values.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2
_NORMAL = NormalDist()
_CELLS = 4_000_000
_MANY = 5_000
"""From so many groups on, they are drawn by kind."""

Column = Sequence[float] | np.ndarray
Names = Sequence[str] | np.ndarray
"""Of groups: texts, or an array of whole numbers, which need a tenth of the memory."""


class Interval(NamedTuple):
    """A mean over n rows of `groups` groups with its 95% interval.

    low and high are None where there are fewer than two groups: one video says nothing about the next.
    mean is None where there are no rows.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    groups: int

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return self.low is not None

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside the interval; False where there is none."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


NO_ROWS = Interval(None, None, None, 0, 0)
"""The interval of nothing: no mean, no bounds."""


class Clusters(NamedTuple):
    """The sum and the count of each group's values, (groups,) each."""

    sums: np.ndarray
    counts: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.counts.sum())


def mean_interval(
    values: Column,
    groups: Names,
    seed: int = 0,
    draws: int = 2000,
    support: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Mean of `values` (n,), each row of the group named at the same place. Same input and seed: same result.

    Raises ValueError for lengths that differ and for values that are not finite: leave out unknown rows
    first.
    """
    clusters = cluster(values, groups)
    if clusters is None:
        return NO_ROWS
    count, mean = len(clusters.sums), clusters.mean
    rows = int(clusters.counts.sum())
    if count < 2:
        return Interval(mean, None, None, rows, count)
    column = np.asarray(values, float)
    if np.ptp(column) == 0:
        low, high = _constant_bounds(float(column[0]), count, support)
    else:
        low, high = _percentiles(_resample(clusters, seed, draws), count)
    return Interval(mean, min(low, mean), max(high, mean), rows, count)


def paired_difference(
    a: Column,
    b: Column,
    groups: Names,
    seed: int = 0,
    draws: int = 2000,
    support: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Mean of a - b over the same rows, in the same order; `support` is that of a and of b.

    Raises ValueError as `mean_interval` does.
    """
    reach = support[1] - support[0]
    return mean_interval(paired(a, b), groups, seed, draws, (-reach, reach))


def minimum_detectable_difference(a: Column, b: Column, groups: Names, power: float = 0.8) -> float | None:
    """Smallest true difference whose interval would leave out zero in `power` of repeats of this comparison.

    (z(.975) + z(power)) times the cluster-robust standard error of the paired difference (Bloom 1995; for
    evaluations Miller 2024, arXiv 2411.00640). With one question a group that is the usual formula from the share
    of questions on which the runs disagree. None where the rows do not show a spread: fewer than two groups, or all
    differences equal.
    """
    clusters = cluster(paired(a, b), groups)
    if clusters is None or len(clusters.sums) < 2:
        return None
    count = len(clusters.sums)
    residuals = clusters.sums - clusters.mean * clusters.counts
    error = float(np.sqrt(count / (count - 1) * np.square(residuals).sum()) / clusters.counts.sum())
    return (_NORMAL.inv_cdf(1 - _TAIL) + _NORMAL.inv_cdf(power)) * error if error > 1e-12 else None


def paired(a: Column, b: Column) -> np.ndarray:
    """a - b, (n,). Raises ValueError for lengths that differ."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"a paired difference needs the same rows twice, not {len(first)} and {len(second)}")
    return first - second


def cluster(values: Column, groups: Names) -> Clusters | None:
    """Sum and count of each group, in the order of the groups' names; None for no rows.

    Raises ValueError as `mean_interval` does.
    """
    column = np.asarray(values, float)
    if len(column) != len(groups):
        raise ValueError(f"{len(column)} values but {len(groups)} groups")
    if not np.isfinite(column).all():
        raise ValueError("values must be finite: leave out rows whose value is unknown")
    if not len(column):
        return None
    numbered = isinstance(groups, np.ndarray) and groups.dtype.kind in "iu"
    _, places = np.unique(groups if numbered else np.asarray(groups, str), return_inverse=True)
    return Clusters(np.bincount(places, weights=column), np.bincount(places).astype(float))


def _resample(clusters: Clusters, seed: int, draws: int) -> np.ndarray:
    """Means (draws,) over groups drawn with replacement, a few million cells at a time."""
    count = len(clusters.sums)
    if count > _MANY:
        return _resample_kinds(clusters, seed, draws)
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // count)
    means = []
    for start in range(0, draws, step):
        drawn = random.integers(count, size=(min(step, draws - start), count), dtype=np.int32)
        means.append(clusters.sums[drawn].sum(axis=1) / clusters.counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _resample_kinds(clusters: Clusters, seed: int, draws: int) -> np.ndarray:
    """The same for very many groups: those of equal sum and count are one kind, and how often it comes is drawn."""
    kinds, sizes = np.unique(np.stack(clusters, axis=1), axis=0, return_counts=True)
    count = int(sizes.sum())
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // len(sizes))
    means = []
    for start in range(0, draws, step):
        sums, counts = (random.multinomial(count, sizes / count, size=min(step, draws - start)) @ kinds).T
        means.append(sums / counts)
    return np.concatenate(means)


def _percentiles(means: np.ndarray, groups: int) -> tuple[float, float]:
    tail = _NORMAL.cdf(-np.sqrt(groups / (groups - 1)) * _student(groups - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _student(freedom: int) -> float:
    """Two-sided 95% quantile of Student's t, by its expansion in 1/freedom (Abramowitz and Stegun 26.7.5)."""
    z = _NORMAL.inv_cdf(1 - _TAIL)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def _constant_bounds(value: float, groups: int, support: tuple[float, float]) -> tuple[float, float]:
    share = 1 - _TAIL ** (1 / groups)
    return value - share * max(0.0, value - support[0]), value + share * max(0.0, support[1] - value)
