"""How long completions are, by what came of them: whether a run that is wrong writes more, or does not stop."""

from collections.abc import Iterable, Iterator
from typing import get_args

import numpy as np

from reporting.exhibits import Mark, mark
from reporting.intervals import Interval, mean_interval
from reporting.runs import ALL, Columns, Run, columns, slices
from schemas.values import Value


class Lengths(Value):
    """Tokens of one run's completions on one benchmark that ended in one way.

    mean: with its interval clustered by video. half, most: the lengths that half, and 95 of 100, do not exceed.
    """

    run: str
    title: str
    benchmark: str
    outcome: Mark
    mean: Interval
    half: float
    most: float


def lengths(runs: Iterable[Run], seed: int = 0) -> tuple[Lengths, ...]:
    """Each run x benchmark x outcome that occurs, right ones first; where media did not load nothing was written."""
    return tuple(
        found
        for run in runs
        for benchmark, family, rows in slices(columns(run))
        if family == ALL
        for found in _lengths(run, benchmark, rows, seed)
    )


def _lengths(run: Run, benchmark: str, rows: Columns, seed: int) -> Iterator[Lengths]:
    values = (value if known else None for value, known in zip(rows.value, rows.known, strict=True))
    outcomes = np.array([mark(*row) for row in zip(rows.outcome, values, strict=True)], dtype=object)
    longest = float(rows.tokens.max(initial=0.0))
    for outcome in get_args(Mark):
        ended = rows.where(outcomes == outcome)
        if len(ended.key) and outcome != "media not loaded":
            half, most = np.quantile(ended.tokens, [0.5, 0.95])
            yield Lengths(
                run=run.name,
                title=run.title,
                benchmark=benchmark,
                outcome=outcome,
                mean=mean_interval(ended.tokens, ended.group, seed, support=(0.0, longest)),
                half=float(half),
                most=float(most),
            )
