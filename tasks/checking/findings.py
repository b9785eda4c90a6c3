"""What a check found: how the judge scored each kind of candidate, and how many facts the contexts state."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import Literal

import numpy as np

from schemas.curation import Check
from schemas.llm import Llm
from schemas.values import Value
from tasks.checking.answers import Stated, Trial
from tasks.checking.candidates import KINDS, Kind


class Line(Value):
    """How one kind of candidate was scored, 0 to 1.

    bound: what the `judged_by` score must stay below, or reach at least. scored, failed: candidates that the judge
    gave a score, and those where it failed, which have none. worst: the highest score that should be low, or the lowest
    that should be high. mean, worst: None where nothing was scored; then the line has not passed.
    """

    candidate: str
    must: Literal["below", "at least"]
    bound: float
    judged_by: Literal["mean", "worst"]
    scored: int
    failed: int
    mean: float | None
    worst: float | None
    passed: bool


class Spread(Value):
    """Facts a row. rows_by_facts: how many rows state no fact, one, two and so on."""

    mean: float
    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float
    rows_by_facts: tuple[int, ...]


class Specificity(Value):
    """Facts that contexts state. rows: counted. failed: rows where the model failed, which are in no spread.

    unfound: quotations that were not in their context and so count for nothing. spreads: of picture and sound.
    """

    rows: int
    failed: int
    unfound: int
    spreads: dict[str, Spread]


class Findings(Value):
    """judge: who scored, and counted facts. writer: who paraphrased. passed: whether all lines have."""

    judge: Llm
    writer: Llm
    passed: bool
    lines: tuple[Line, ...]
    specificity: Specificity


def conclude(judge: Llm, writer: Llm, trials: Iterable[Trial], stated: Sequence[Stated], check: Check) -> Findings:
    """A line for every kind of candidate, also for one that was not tried, and the spread of facts."""
    found = tuple(_lines(trials, check))
    return Findings(
        judge=judge,
        writer=writer,
        passed=all(line.passed for line in found),
        lines=found,
        specificity=_specificity(stated),
    )


def _lines(trials: Iterable[Trial], check: Check) -> Iterator[Line]:
    scores: dict[str, list[float | None]] = {kind.name: [] for kind in KINDS}
    for trial in trials:
        scores[trial.candidate].append(trial.score)
    yield from (_line(kind, scores[kind.name], check) for kind in KINDS)


def _line(kind: Kind, scores: Sequence[float | None], check: Check) -> Line:
    known = [score for score in scores if score is not None]
    mean = round(fmean(known), 6) if known else None
    worst = (min if kind.scores else max)(known, default=None)
    decisive = worst if kind.each else mean
    return Line(
        candidate=kind.name,
        must="at least" if kind.scores else "below",
        bound=check.at_least if kind.scores else check.below,
        judged_by="worst" if kind.each else "mean",
        scored=len(known),
        failed=len(scores) - len(known),
        mean=mean,
        worst=worst,
        passed=decisive is not None and (decisive >= check.at_least if kind.scores else decisive < check.below),
    )


def _specificity(stated: Sequence[Stated]) -> Specificity:
    known = [one.facts for one in stated if one.facts is not None]
    spreads = {"picture": [facts.picture for facts in known], "sound": [facts.sound for facts in known]}
    return Specificity(
        rows=len(known),
        failed=len(stated) - len(known),
        unfound=sum(facts.unfound for facts in known),
        spreads={kind: _spread(facts) for kind, facts in spreads.items()} if known else {},
    )


def _spread(facts: Sequence[int]) -> Spread:
    least, lower, median, upper, most = np.percentile(facts, (0, 25, 50, 75, 100)).tolist()
    return Spread(
        mean=fmean(facts),
        least=least,
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
        most=most,
        rows_by_facts=tuple(np.bincount(facts).tolist()),
    )
