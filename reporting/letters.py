"""Whether a run favours letters: how often it gives each, beside how often each is right on the same questions.

The distance is the total variation of the two distributions: the share of answers that would have to be another
letter for the two to agree, 0 where they do. Chance alone makes it larger than zero, so percentiles of resampled
distances would never reach zero. By the triangle inequality it cannot be farther from the truth than the shares are, so
its interval reaches as far as 95% of resampled shares (of whole videos) lie from those seen: rather too wide than too
narrow. p is the share of all ways of swapping given and right letters, video by video, that are at least as far apart:
the test of marginal homogeneity (Stuart 1955, Maxwell 1970) without its large samples.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from reporting.intervals import CONFIDENCE, Interval, paired_difference
from reporting.runs import ALL, Run, columns, slices
from schemas.values import Value

_DRAWS = 2_000


class Letter(Value):
    """One letter: the share of answers that are it, of questions whose right answer it is, and given - gold."""

    letter: str
    given: float
    gold: float
    excess: Interval


class LetterBias(Value):
    """One run's answered choice questions of one benchmark.

    letters: in alphabetic order. other: answered rows left out, as what was given is no letter. distance: 0 to 1.
    """

    run: str
    title: str
    benchmark: str
    letters: tuple[Letter, ...]
    distance: Interval
    p: float
    other: int


class _Videos(NamedTuple):
    """Videos of one kind in a place: excess (kinds, letters), rows (kinds,), and how many there are, (kinds,)."""

    excess: np.ndarray
    rows: np.ndarray
    number: np.ndarray

    @property
    def total(self) -> int:
        return int(self.number.sum())


def letter_biases(runs: Iterable[Run], seed: int = 0) -> tuple[LetterBias, ...]:
    """Each run x benchmark that has answered choice questions, in the order of the runs."""
    return tuple(bias for run in runs for bias in _biases(run, seed))


def _biases(run: Run, seed: int) -> Iterator[LetterBias]:
    asked = (pc.field("answer_kind") == "choice") & (pc.field("outcome") == "answered")
    choices = Run(run.name, run.title, run.kind, run.scores.filter(asked))
    for benchmark, family, rows in slices(columns(choices)):
        is_letter = np.array([len(text) == 1 and text.isalpha() for text in rows.given], bool)
        if family == ALL and is_letter.any():
            found = rows.where(is_letter)
            letters, distance, p = _bias(found.given, found.gold, found.group, seed)
            yield LetterBias(
                run=run.name,
                title=run.title,
                benchmark=benchmark,
                letters=letters,
                distance=distance,
                p=p,
                other=int((~is_letter).sum()),
            )


def _bias(
    given: np.ndarray, gold: np.ndarray, group: np.ndarray, seed: int
) -> tuple[tuple[Letter, ...], Interval, float]:
    names = sorted({*given, *gold})
    of_given, of_gold = ((given[:, None] == names).astype(float), (gold[:, None] == names).astype(float))
    letters = tuple(
        Letter(
            letter=name,
            given=float(of_given[:, place].mean()),
            gold=float(of_gold[:, place].mean()),
            excess=paired_difference(of_given[:, place], of_gold[:, place], group, seed),
        )
        for place, name in enumerate(names)
    )
    videos = _videos(of_given - of_gold, group)
    return letters, _distance(videos, np.random.default_rng(seed)), _swapping_p(videos, np.random.default_rng(seed))


def _videos(excess: np.ndarray, group: np.ndarray) -> _Videos:
    _, places = np.unique(group.astype(str), return_inverse=True)
    sums = np.zeros((places.max() + 1, excess.shape[1]))
    np.add.at(sums, places, excess)
    kinds, number = np.unique(np.column_stack([sums, np.bincount(places)]), axis=0, return_counts=True)
    return _Videos(kinds[:, :-1], kinds[:, -1], number)


def _apart(excess: np.ndarray) -> np.ndarray:
    return np.abs(excess).sum(axis=-1) / 2


def _distance(videos: _Videos, random: np.random.Generator) -> Interval:
    rows = int(videos.number @ videos.rows)
    seen = float(_apart(videos.number @ videos.excess) / rows)
    if videos.total < 2:
        return Interval(seen, None, None, rows, videos.total)
    drawn = random.multinomial(videos.total, videos.number / videos.total, size=_DRAWS)
    shares = (drawn @ videos.excess) / (drawn @ videos.rows)[:, None]
    reach = float(np.quantile(_apart(shares - videos.number @ videos.excess / rows), CONFIDENCE))
    if len(videos.number) == 1:  # all videos agree, so resampling says nothing: a share of the others may not
        reach = 1 - (1 - CONFIDENCE) ** (1 / videos.total)
    return Interval(seen, max(0.0, seen - reach), min(1.0, seen + reach), rows, videos.total)


def _swapping_p(videos: _Videos, random: np.random.Generator) -> float:
    """The seen way is one among the drawn, so p is never zero."""
    seen = _apart(videos.number @ videos.excess) * (1 - 1e-9)
    turned = videos.number - 2 * random.binomial(videos.number, 0.5, size=(_DRAWS - 1, len(videos.number)))
    return float((1 + (_apart(turned @ videos.excess) >= seen).sum()) / _DRAWS)
