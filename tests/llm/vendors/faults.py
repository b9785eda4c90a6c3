"""How the server misbehaves: latency and fault of the n-th attempt at a question, a pure function of the seed.

So two clients meet the same weather, whatever order they ask in.
"""

import math
from hashlib import blake2b
from statistics import NormalDist
from typing import Literal, NamedTuple

from pydantic import Field

from schemas.values import Value

Fault = Literal[
    "overloaded",  # 429, with the time to wait
    "error",  # 500
    "unavailable",  # 503
    "drop",  # the connection ends without an answer
    "hang",  # no answer ever
    "cut",  # half the body, then the connection ends
    "malformed",  # a whole body that is no JSON
    "blocked",  # the reply is held back for safety
    "blocked_prompt",  # the question is refused for safety
    "length",  # the reply ran into its token limit
    "quota",  # the account is used up
    "unauthorized",  # the key is wrong
    "unknown_model",
    "bad_request",
    "gone",  # a file that expired, was deleted or never was
    "inactive",  # a file that is still being processed
    "storage",  # no room for another file
    "exists",  # another file has the name
    "not_found",
]
AT_ONCE: frozenset[Fault] = frozenset({"overloaded", "unavailable", "quota", "unauthorized", "drop", "hang"})
"""Faults of the door, not of the model: they come without latency and take no slot."""
ON_THE_WIRE: frozenset[Fault] = frozenset({"drop", "hang", "cut"})

_NORMAL = NormalDist()


class Faulted(Exception):
    """Raised by what answers a question, to fail it."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(fault, detail)
        self.fault: Fault = fault
        self.detail = detail


class Drawn(NamedTuple):
    """latency: seconds."""

    latency: float
    fault: Fault | None


class Behaviour(Value):
    """latency: median seconds, lognormal with sigma. slots: answered at once; others wait in line, most_waiting of
    them (None: any number), beyond which comes a 429. faults: share of attempts by fault. retry_after: seconds, named
    by a 429. outage: from and to seconds after the start, with outage_fault as every answer. polls: times that a file
    is seen in processing, or a batch at work. lifetime: seconds of a file. storage: bytes of all files. models,
    api_keys: those known; empty for any.
    """

    seed: int = 0
    latency: float = Field(default=0.0, ge=0)
    sigma: float = Field(default=0.5, ge=0)
    slots: int = Field(default=256, ge=1)
    most_waiting: int | None = None
    faults: dict[Fault, float] = {}
    retry_after: float = 1.0
    outage: tuple[float, float] | None = None
    outage_fault: Fault = "unavailable"
    polls: int = 1
    lifetime: float = 48 * 3600.0
    storage: int = 20 * 10**9
    models: tuple[str, ...] = ()
    api_keys: frozenset[str] = frozenset()

    def draw(self, content: str, attempt: int) -> Drawn:
        """content: key of the question. attempt: 1 for the first."""
        digest = blake2b(f"{self.seed}/{content}/{attempt}".encode(), digest_size=16).digest()
        late, luck = _uniform(digest[:8]), _uniform(digest[8:])
        latency = self.latency * math.exp(self.sigma * _NORMAL.inv_cdf(late)) if self.latency else 0.0
        return Drawn(latency, self._fault(luck))

    def _fault(self, luck: float) -> Fault | None:
        for fault, share in self.faults.items():
            luck -= share
            if luck < 0:
                return fault
        return None


def _uniform(eight: bytes) -> float:
    """A number above 0 and below 1."""
    return ((int.from_bytes(eight, "little") >> 12) + 0.5) * 2.0**-52
