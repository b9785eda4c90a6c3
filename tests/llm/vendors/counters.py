"""What the server saw, by which a client is judged: what it asked twice, what it paid for twice, what it gave away."""

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.llm.vendors.faults import Fault


@dataclass
class Counters:
    """asked: requests by content key. answered: whole good answers written, by content key. repeats: requests that
    came after a good answer to the same was written. dead: good answers that nobody was there to take. faults: sent,
    by kind. turned_away: requests that never became a question: an outage, a wrong key, a malformed one. api_keys: as
    seen. uploads: by digest. first, last: monotonic seconds of the first request and the last answer.
    """

    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    dead: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    turned_away: Counter[Fault] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0
    api_keys: set[str] = field(default_factory=set)
    uploads: Counter[str] = field(default_factory=Counter)
    first: float = 0.0
    last: float = 0.0

    def arrive(self, content: str, api_key: str) -> int:
        """Which attempt at the content this is, from 1."""
        self.first = self.first or time.monotonic()
        self.api_keys.add(api_key)
        self.asked[content] += 1
        self.repeats += content in self.answered
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return self.asked[content]

    def leave(self, content: str, fault: Fault | None, alive: bool) -> None:
        self.in_flight -= 1
        self.last = time.monotonic()
        if fault is not None:
            self.faults[fault] += 1
        elif alive:
            self.answered[content] += 1
        else:
            self.dead += 1

    def totals(self) -> dict[str, object]:
        """For a client in another process."""
        return {
            "asked": self.asked.total(),
            "contents": len(self.asked),
            "answered": self.answered.total(),
            "answered_contents": len(self.answered),
            "repeats": self.repeats,
            "dead": self.dead,
            "faults": dict(self.faults),
            "turned_away": dict(self.turned_away),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "api_keys": sorted(self.api_keys),
            "uploads": self.uploads.total(),
            "files": len(self.uploads),
            "seconds": max(0.0, self.last - self.first),
        }
