"""What became of the rows of each source, step by step: how many were accepted, and why the others were not.

Every row is there from the first step to the one that it leaves at, so the counts of a step add up to the rows that
entered it. Shares have 95% intervals clustered by video, as the questions of one video are often refused together.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from reporting.histograms import Histogram
from reporting.intervals import Interval, mean_interval
from reporting.pairs import Pair
from reporting.svg import Plot
from schemas.values import Value

ACCEPTED = "accepted"
REPAIRED = "accepted after a repair"
ALL_SOURCES = "all sources"


class Step(NamedTuple):
    """The rows of one source in one step, a place a row in each column.

    groups: the row's video or picture. reasons: why it left, "" where it was accepted. repaired: whether it was
    accepted only when the model was shown what was wrong with its first reply.
    """

    source: str
    name: str
    groups: Sequence[str]
    reasons: Sequence[str]
    repaired: Sequence[bool]


class Outcome(Value):
    """How many rows of a source ended a step in one way; share.n rows entered the step."""

    source: str
    step: str
    outcome: str
    rows: int
    share: Interval

    @property
    def lost(self) -> bool:
        """Whether these rows left."""
        return self.outcome not in (ACCEPTED, REPAIRED)

    @property
    def part(self) -> bool:
        """Whether these rows are counted among the accepted ones, too."""
        return self.outcome == REPAIRED


class QualitySection(Value):
    """The quality of the written data.

    outcomes: of each source, those of all steps together come first. min_quality: least composite rating of a row that
    is trained on.
    """

    note: str
    outcomes: tuple[Outcome, ...]
    min_quality: float
    histograms: tuple[Histogram, ...] = ()
    plots: tuple[Plot, ...] = ()
    pairs: tuple[Pair, ...] = ()


def outcomes(steps: Sequence[Step], seed: int = 0) -> tuple[Outcome, ...]:
    """Each step's outcomes in the order of the steps: accepted, repaired if any were, then reasons, commonest first.

    Where there is more than one source, all of them together come first.
    """
    together = _pooled(steps) if len({step.source for step in steps}) > 1 else []
    return tuple(outcome for step in (*together, *steps) for outcome in _outcomes(step, seed))


def _pooled(steps: Sequence[Step]) -> Iterator[Step]:
    for name in dict.fromkeys(step.name for step in steps):
        same = [step for step in steps if step.name == name]
        groups = [f"{step.source} {group}" for step in same for group in step.groups]
        reasons = [reason for step in same for reason in step.reasons]
        yield Step(ALL_SOURCES, name, groups, reasons, [flag for step in same for flag in step.repaired])


def _outcomes(step: Step, seed: int) -> Iterator[Outcome]:
    reasons, repaired = np.asarray(step.reasons, str), np.asarray(step.repaired, bool)
    counts = Counter(reason for reason in step.reasons if reason)
    ended = {ACCEPTED: reasons == ""}
    if repaired.any():
        ended[REPAIRED] = repaired
    ended |= {reason: reasons == reason for reason in sorted(counts, key=lambda reason: (-counts[reason], reason))}
    for name, rows in ended.items():
        share = mean_interval(rows.astype(float), step.groups, seed)
        yield Outcome(source=step.source, step=step.name, outcome=name, rows=int(rows.sum()), share=share)
