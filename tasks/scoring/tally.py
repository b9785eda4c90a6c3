"""Marks kept in some thirty bytes each, and the table made of them.

An id and a video are kept as 64 bits of their BLAKE2 digest, a category as a number, so that a million predictions
take tens of megabytes however long their texts are.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

import numpy as np

from reporting.intervals import NO_ROWS, Interval, mean_interval
from schemas.values import Value
from tasks.scoring.marks import Mark, Outcome
from tasks.scoring.metrics import Breakdown, Metric

_OUTCOMES: tuple[Outcome, ...] = ("answered", "unanswered", "load_error", "unjudged")
_ANSWERED, _UNANSWERED, _LOAD_ERROR, _UNJUDGED = range(4)
ALL = "all"
"""The breakdown of the line that is over all categories."""


class Cell(Value):
    """One line of a table: the questions of one category, or all of them.

    breakdown: the category's field, or `all`; category: its value, empty where it is not stated. n: scored questions,
    answered + unanswered; unread: the answered ones whose answer has no single reading and is wrong. Load errors and
    unjudged answers are in no denominator. value: accuracy over n, 0 to 1, where an unanswered question is wrong, with
    its 95% interval clustered by video (`groups` of them); of_answered: over the answered ones alone. None where there
    is nothing to be counted.
    """

    breakdown: str
    category: str
    n: int
    answered: int
    unanswered: int
    unread: int
    load_errors: int
    unjudged: int
    value: float | None
    low: float | None
    high: float | None
    of_answered: float | None
    groups: int


class Tally:
    """Marks of one benchmark. subsets: names of lists that a mark may be in."""

    def __init__(self, metric: Metric, subsets: Sequence[str] = ()) -> None:
        self.metric = metric
        self._ids, self._groups = array("Q"), array("Q")
        self._values, self._outcomes, self._unread = array("d"), array("b"), array("b")
        self._codes = [array("i") for _ in metric.breakdowns]
        self._labels: list[dict[str, int]] = [{} for _ in metric.breakdowns]
        self._members = {name: array("b") for name in subsets}

    def __len__(self) -> int:
        return len(self._values)

    def add(self, mark: Mark, subsets: Iterable[str] = ()) -> None:
        """A mark and the names of the subsets that it is in."""
        if mark.id:
            self._ids.append(short(mark.id))
        self._groups.append(short(mark.group or f"{mark.id}\n{len(self)}"))  # of no known video: a group of its own
        self._values.append(float("nan") if mark.value is None else mark.value)
        self._outcomes.append(_OUTCOMES.index(mark.outcome))
        self._unread.append(not mark.read)
        for codes, labels, label in zip(self._codes, self._labels, mark.labels, strict=True):
            codes.append(labels.setdefault(label, len(labels)))
        inside = set(subsets)
        for name, members in self._members.items():
            members.append(name in inside)

    def repeated(self) -> set[int]:
        """`short` of the ids that stand more than once."""
        found, counts = np.unique(np.frombuffer(self._ids, np.uint64), return_counts=True)
        return set(found[counts > 1].tolist())

    def categories(self, place: int) -> list[str]:
        """The categories seen in the breakdown at `place`: those the publisher lists in their order, then by name."""
        part = self.metric.breakdowns[place]
        seen = {category for label in self._labels[place] for category in _split(label, part)}
        order = {category: number for number, category in enumerate(part.values)}
        return sorted(seen, key=lambda category: (not category, order.get(category, len(order)), category))

    def cells(self, subset: str = "") -> tuple[Cell, ...]:
        """All questions, then each category of each breakdown; of a subset where one is named."""
        inside = np.frombuffer(self._members[subset], bool) if subset else np.ones(len(self), bool)
        return (self._overall(inside), *self._parts(inside))

    def _parts(self, inside: np.ndarray) -> Iterator[Cell]:
        for place, part in enumerate(self.metric.breakdowns):
            for category in self.categories(place):
                yield self._cell(part.category, category, inside & self._of(place, category))

    def _overall(self, inside: np.ndarray) -> Cell:
        if self.metric.average == "questions":
            return self._cell(ALL, "", inside)
        names = [name for name in self.categories(0) if name not in self.metric.beside]
        strata = [inside & self._of(0, name) for name in names]
        cell = self._cell(ALL, "", np.logical_or.reduce([np.zeros(len(self), bool), *strata]))
        every, answered = self._macro(strata, self._known), self._macro(strata, self._answered)
        return cell.model_copy(
            update={
                "value": every.mean,
                "low": every.low,
                "high": every.high,
                "of_answered": answered.mean,
                "groups": every.groups,
            }
        )

    def _macro(self, strata: Iterable[np.ndarray], among: np.ndarray) -> Interval:
        """The mean of the strata's means. Each row stands for that mean and its own pull on it, so that only what
        differs inside a stratum widens the interval.
        """
        rows = [np.flatnonzero(stratum & among) for stratum in strata]
        rows = [places for places in rows if len(places)]
        if not rows:
            return NO_ROWS
        values = np.frombuffer(self._values)
        means = [values[places].mean() for places in rows]
        total, macro = sum(map(len, rows)), float(np.mean(means))
        pulls = [
            macro + (values[places] - mean) * total / (len(rows) * len(places))
            for places, mean in zip(rows, means, strict=True)
        ]
        found = mean_interval(np.concatenate(pulls), self._videos[np.concatenate(rows)])
        return found._replace(
            low=None if found.low is None else max(0.0, found.low),
            high=None if found.high is None else min(1.0, found.high),
        )

    def _cell(self, breakdown: str, category: str, inside: np.ndarray) -> Cell:
        counts = np.bincount(np.frombuffer(self._outcomes, np.int8)[inside], minlength=len(_OUTCOMES)).tolist()
        values = np.frombuffer(self._values)
        scored, answered = inside & self._known, inside & self._answered
        found = mean_interval(values[scored], self._videos[scored])
        return Cell(
            breakdown=breakdown,
            category=category,
            n=found.n,
            answered=counts[_ANSWERED],
            unanswered=counts[_UNANSWERED],
            unread=int(np.frombuffer(self._unread, bool)[inside].sum()),
            load_errors=counts[_LOAD_ERROR],
            unjudged=counts[_UNJUDGED],
            value=found.mean,
            low=found.low,
            high=found.high,
            of_answered=float(values[answered].mean()) if answered.any() else None,
            groups=found.groups,
        )

    def _of(self, place: int, category: str) -> np.ndarray:
        part = self.metric.breakdowns[place]
        wanted = [code for label, code in self._labels[place].items() if category in _split(label, part)]
        return np.isin(np.frombuffer(self._codes[place], np.int32), wanted)

    @property
    def _known(self) -> np.ndarray:
        return np.isfinite(np.frombuffer(self._values))

    @property
    def _answered(self) -> np.ndarray:
        return np.frombuffer(self._outcomes, np.int8) == _ANSWERED

    @property
    def _videos(self) -> np.ndarray:
        return np.frombuffer(self._groups, np.uint64)


def short(text: str) -> int:
    """64 bits of a text's digest, the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _split(label: str, part: Breakdown) -> list[str]:
    return label.split(",") if part.several else [label]
