"""How good models' contexts and reasoning are: what a judge says, and whether the reasoning argues for the answer.

Neither is known of every completion: a judge is asked about a sample and may fail, and not every text can be told to
argue for one answer. What is not known is counted, is in no mean, and is never zero.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import pyarrow as pa

from reporting import notation as n
from reporting.accuracy import FEW
from reporting.intervals import Interval, mean_interval
from reporting.runs import ALL, POOLED, Columns, Run, columns, slices
from schemas.evaluation import JudgedReward
from schemas.values import Value

Judged = JudgedReward | Literal["accuracy"]
WHAT: dict[Judged, str] = {
    "context": "contexts",
    "logic": "reasoning",
    "consistency": "agreement with the answer",
    "accuracy": "free-text answers",
}
"""What each judged reward is about, in the order in which they are shown."""


class JudgedMean(Value):
    """What a judge said of one model on one benchmark: a line of schemas.tables.JUDGED.

    mean: 0 to 1, clustered by video, over the completions of which it is known. asked: completions; unknown: those
    without a value, by reason.
    """

    title: str
    benchmark: str
    reward: Judged
    mean: Interval
    asked: int
    unknown: dict[str, int]

    @property
    def what(self) -> str:
        return WHAT[self.reward]


class Known(Value):
    """share: of those of which it is known, how many have reasoning that argues for the answer. of: known or not."""

    share: Interval
    of: int


class Consistency(Value):
    """One run on one benchmark: all completions with an answer, and apart the right and the wrong ones among them."""

    run: str
    title: str
    benchmark: str
    every: Known
    right: Known
    wrong: Known


class Reasoning(Value):
    """What the report says of contexts and reasoning. The doubts say of which numbers too little is known.

    judge: who judged.
    """

    judge: str = ""
    judged: tuple[JudgedMean, ...] = ()
    judged_doubt: str = ""
    consistent: tuple[Consistency, ...] = ()
    consistent_doubt: str = ""

    @property
    def shown(self) -> bool:
        return bool(self.judged or self.consistent)


def reasoning(runs: Iterable[Run], judged: Iterable[tuple[str, pa.Table]], judge: str = "", seed: int = 0) -> Reasoning:
    """judged: a title and a table of JUDGED for each model, empty for one that was not judged. judge: who judged."""
    means, found = judged_means(judged), consistencies(runs, seed)
    pooled = [(kind, row.title, known) for row in found if row.benchmark == POOLED for kind, known in _kinds(row)]
    return Reasoning(
        judge=judge,
        judged=means,
        judged_doubt=_doubt((f"{row.what} on {row.benchmark}", row.title, row.mean.n, row.asked) for row in means),
        consistent=found,
        consistent_doubt=_doubt((kind, title, known.share.n, known.of) for kind, title, known in pooled),
    )


def judged_means(judged: Iterable[tuple[str, pa.Table]]) -> tuple[JudgedMean, ...]:
    """By benchmark and reward, so that models stand below each other, in the order in which they were given."""
    found = [
        JudgedMean(
            title=title,
            benchmark=row["benchmark"],
            reward=row["reward"],
            mean=Interval(row["value"], row["low"], row["high"], row["known"], row["groups"]),
            asked=row["asked"],
            unknown=dict(row["unknown"]),
        )
        for title, table in judged
        for row in table.to_pylist()
    ]
    return tuple(sorted(found, key=lambda row: (row.benchmark, list(WHAT).index(row.reward))))


def consistencies(runs: Iterable[Run], seed: int = 0) -> tuple[Consistency, ...]:
    """Each run x benchmark; nothing where it is known of no completion of any run."""
    found = tuple(
        _consistency(run, benchmark, rows, seed)
        for run in runs
        for benchmark, family, rows in slices(columns(run))
        if family == ALL
    )
    return found if any(row.every.share.n for row in found) else ()


def _consistency(run: Run, benchmark: str, rows: Columns, seed: int) -> Consistency:
    answered = rows.where((rows.outcome == "answered") | (rows.outcome == "unjudged"))
    return Consistency(
        run=run.name,
        title=run.title,
        benchmark=benchmark,
        every=_known(answered, seed),
        right=_known(answered.where(answered.value >= 1), seed),
        wrong=_known(answered.where(answered.value <= 0), seed),
    )


def _known(rows: Columns, seed: int) -> Known:
    known = rows.where(np.isfinite(rows.consistent))
    return Known(share=mean_interval(known.consistent, known.group, seed), of=len(rows.key))


def _kinds(row: Consistency) -> Iterator[tuple[str, Known]]:
    """Of a run of which little is known at all, its right and wrong answers need no doubt of their own."""
    yield "answers", row.every
    if row.every.share.n >= FEW:
        kinds = {"right answers": row.right, "wrong answers": row.wrong}
        yield from ((kind, known) for kind, known in kinds.items() if known.of)


def _doubt(numbers: Iterable[tuple[str, str, int, int]]) -> str:
    """Sentences, of (what, whose, known, asked) of each number; empty where enough is known of every one."""
    counts: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for what, whose, known, asked in numbers:
        counts[what].append((whose, known, asked))
    few = "; ".join(f"{what} ({whose})" for what, of in counts.items() if (whose := _few(of)))
    nothing = "; ".join(what for what, of in counts.items() if not any(known for _, known, _ in of))
    sentences = (
        f"Fewer than {FEW} are known, too few for a claim: {few}." if few else "",
        f"Nothing is known of {nothing}." if nothing else "",
    )
    return " ".join(filter(None, sentences))


def _few(counts: Iterable[tuple[str, int, int]]) -> str:
    """Whose numbers rest on too few, in words; of what is not known at all there is no number."""
    any_known = [one for one in counts if one[1]]
    few = [f"{whose} {n.count(known)} of {n.count(asked)}" for whose, known, asked in any_known if known < FEW]
    if len(few) == len(any_known) > 1:
        return f"at most {n.count(max(known for _, known, _ in any_known))}"
    return ", ".join(few)
