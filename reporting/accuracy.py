"""How often a run is right: by benchmark and by family, with everything that the number leaves out beside it.

Denominators are kept apart. `accuracy` is over scored rows, where an unanswered question counts as wrong;
`of_answered` is over answered rows alone. Load errors and unjudged rows are in neither: nothing is known of
them; `with_load_errors` says what accuracy would be if all load errors were wrong.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from reporting.intervals import Interval, mean_interval
from reporting.runs import Columns, Run, RunKind, columns, slices
from schemas.values import Value

FEW = 50
"""Under this many scored rows a number is flagged."""


class Accuracy(Value):
    """One run on one benchmark, one family or all of them.

    rows = answered + unanswered + load_errors + unjudged. chance: mean over scored rows of a uniform guess.
    majority: the share of scored rows whose gold answer is `majority_answer`, the commonest: what always
    giving it would score. top_given: the share of answered rows that give the commonest answer. tokens: mean
    length.
    """

    run: str
    title: str
    kind: RunKind
    benchmark: str
    family: str
    accuracy: Interval
    of_answered: Interval
    rows: int
    answered: int
    unanswered: int
    load_errors: int
    unjudged: int
    chance: float | None
    majority: float | None
    majority_answer: str
    top_given: float | None
    top_answer: str
    well_formed: float | None
    tokens: float | None

    @property
    def few(self) -> bool:
        return self.accuracy.n < FEW

    @property
    def with_load_errors(self) -> float | None:
        """Accuracy if every load error had been a wrong answer: the least that it can be."""
        known, mean = self.accuracy.n, self.accuracy.mean
        return mean * known / (known + self.load_errors) if mean is not None else None


def accuracies(runs: Iterable[Run], seed: int = 0) -> tuple[Accuracy, ...]:
    """Each run x benchmark x (all families, then each family), in the order of the runs."""
    return tuple(
        _accuracy(run, benchmark, family, rows, seed)
        for run in runs
        for benchmark, family, rows in slices(columns(run))
    )


def _accuracy(run: Run, benchmark: str, family: str, rows: Columns, seed: int) -> Accuracy:
    scored = rows.where(rows.known)
    answered = rows.where(rows.known & (rows.outcome == "answered"))
    outcomes = Counter(rows.outcome)
    majority_answer, majority = _commonest(scored.gold)
    top_answer, top_given = _commonest(answered.given)
    return Accuracy(
        run=run.name,
        title=run.title,
        kind=run.kind,
        benchmark=benchmark,
        family=family,
        accuracy=mean_interval(scored.value, scored.group, seed),
        of_answered=mean_interval(answered.value, answered.group, seed),
        rows=len(rows.key),
        answered=outcomes["answered"],
        unanswered=outcomes["unanswered"],
        load_errors=outcomes["load_error"],
        unjudged=outcomes["unjudged"],
        chance=_mean(scored.chance),
        majority=majority,
        majority_answer=majority_answer,
        top_given=top_given,
        top_answer=top_answer,
        well_formed=_mean(scored.well_formed),
        tokens=_mean(scored.tokens),
    )


def _commonest(answers: np.ndarray) -> tuple[str, float | None]:
    """The commonest answer and its share; the first by name among equals."""
    if not len(answers):
        return "", None
    answer, count = min(Counter(answers).items(), key=lambda found: (-found[1], found[0]))
    return answer, count / len(answers)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
