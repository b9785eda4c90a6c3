"""The weight of the KL term over a run, and the alarm for an update whose KL leaps.

By schedule: linear from start to end over the first share of the steps, then flat; HumanOmniV2 goes from 0.04 to 0.01
over the first half. Towards a target, after Ziegler et al., 2019 (arXiv 1909.08593, section 2.2):

    error = clip((KL - target) / target, -0.2, 0.2)        weight <- weight * (1 + gain * error)

The weight never touches 0 on the way, because the reference model is loaded when training starts or not at all, and a
steered one stays within a hundredth and a hundredfold of its start, so that no stretch of odd KL ends its use.
"""

from collections import deque
from statistics import median
from typing import TypedDict

from schemas.training import Kl
from schemas.values import UserError

_MOST_ERROR = 0.2
_FURTHEST = 100.0
_MEDIAN_OF = 20
_FEWEST = 5
_LEAST_LEAP = 0.01
"""Nats a token. KL begins at exactly 0 and grows a hundredfold within a few healthy steps; under this it is no news."""


class KlState(TypedDict):
    """What a run has to remember to go on: the steered weight, and the KL of its last updates."""

    steered: float
    recent: list[float]


class KlControl:
    """The weight of each update of a run of `steps`. Raises UserError for one that starts or ends at 0."""

    def __init__(self, kl: Kl, steps: int) -> None:
        weight(kl, 0, steps)
        self._kl, self._steps = kl, steps
        self._steered = kl.start
        self._recent: deque[float] = deque(maxlen=_MEDIAN_OF)

    @property
    def in_use(self) -> bool:
        return self._kl.start > 0

    def weight(self, step: int) -> float:
        """Weight of the update after `step` of them."""
        return weight(self._kl, step, self._steps) if self._kl.target is None else self._steered

    def observe(self, value: float) -> float | None:
        """Steer by the KL of one update, in nats a token. How many times the usual it is, where that is a leap."""
        if self._kl.target is not None:
            self._steered = steered(self._steered, value, self._kl)
        times = value / max(median(self._recent), 1e-12) if len(self._recent) >= _FEWEST else 0.0
        self._recent.append(value)
        return times if times > self._kl.spike and value > _LEAST_LEAP else None

    def state(self) -> KlState:
        return {"steered": self._steered, "recent": list(self._recent)}

    def restore(self, state: KlState) -> None:
        self._steered = state["steered"]
        self._recent = deque(state["recent"], maxlen=_MEDIAN_OF)


def weight(kl: Kl, step: int, steps: int) -> float:
    """Scheduled weight at `step`, from 0, of `steps`. Raises UserError for a schedule that starts or ends at 0."""
    if min(kl.start, kl.end) < 0 or (kl.start == 0) != (kl.end == 0):
        raise UserError(f"kl from {kl.start:g} to {kl.end:g}: both must be above 0, or both 0 for no KL term")
    if kl.start == 0 and kl.target is not None:
        raise UserError(f"kl has the target {kl.target:g} and starts at 0: without a KL term nothing can be steered")
    ramp = kl.over * steps
    share = min(1.0, step / ramp) if ramp else 1.0
    return (1 - share) * kl.start + share * kl.end


def steered(current: float, value: float, kl: Kl) -> float:
    """The weight after an update whose KL was `value`, which is steered towards the target."""
    assert kl.target is not None
    error = min(max((value - kl.target) / kl.target, -_MOST_ERROR), _MOST_ERROR)
    return min(max(current * (1 + kl.gain * error), kl.start / _FURTHEST), kl.start * _FURTHEST)
