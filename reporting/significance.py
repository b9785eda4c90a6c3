"""How surprising a paired difference is: how often chance alone would make one as large.

If neither run is better, each pair of answers could as well have come the other way round, which turns the sign of
its difference (Fisher 1935). The questions of one video agree, so they are turned together, as one block (Winkler et
al. 2014, NeuroImage 92). p is the share of all ways of turning whose mean is at least as far from zero as the one
that was seen. With one right-or-wrong question a video this is McNemar's exact test (1947). Tests of large samples
for questions in groups (Obuchowski 1998, Durkalski et al. 2003) are not needed: nothing here is an approximation
that asks for many videos.
"""

import numpy as np

from reporting.intervals import Column, Names, cluster, paired

ALPHA = 0.05
_TURNS = 10_000
_CELLS = 4_000_000
_WIDEST = 20_000
"""Up to this sum of whole numbers, all ways of turning are counted instead of drawn."""


def turning_p(a: Column, b: Column, groups: Names, seed: int = 0) -> float:
    """Two-sided p of mean(a - b) when the signs of whole groups are turned; 1 where there is no difference at all.

    Exact where the groups' sums are whole numbers, as with right and wrong. Else from 10,000 drawn ways, the seen one
    among them, so never zero (Phipson and Smyth 2010). Raises ValueError as `mean_interval` does.
    """
    clusters = cluster(paired(a, b), groups)
    sums = clusters.sums[clusters.sums != 0] if clusters else np.array([])
    seen, reach = abs(float(sums.sum())), float(np.abs(sums).sum())
    if reach <= _WIDEST and np.array_equal(sums, np.rint(sums)):
        return _counted(np.abs(sums).astype(int), round(seen))
    return _drawn(sums, seen * (1 - 1e-9), np.random.default_rng(seed))


def _counted(sizes: np.ndarray, seen: int) -> float:
    """The share of all ways of signing `sizes` whose sum is `seen` or more, either way."""
    ways = np.ones(1)  # ways[s]: the share of ways in which the positive ones sum to s
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        alike = np.zeros(size * count + 1)
        alike[::size] = _binomial(int(count))
        ways = np.convolve(ways, alike)
    total = len(ways) - 1
    return min(1.0, float(ways[np.abs(2 * np.arange(total + 1) - total) >= seen].sum()))


def _binomial(count: int) -> np.ndarray:
    """Chances (count + 1,) of so many heads among `count` fair coins, by logarithms, as 2^-count may be no float."""
    steps = np.log(np.arange(count, 0, -1) / np.arange(1, count + 1))
    return np.exp(np.concatenate([[0.0], np.cumsum(steps)]) - count * np.log(2))


def _drawn(sums: np.ndarray, seen: float, random: np.random.Generator) -> float:
    """The same from drawn signs, a few million at a time."""
    step = max(1, _CELLS // len(sums))
    as_far = 1
    for start in range(1, _TURNS, step):
        positive = random.integers(2, size=(min(step, _TURNS - start), len(sums)), dtype=np.int8) @ sums
        as_far += int((np.abs(2 * positive - sums.sum()) >= seen).sum())
    return as_far / _TURNS
