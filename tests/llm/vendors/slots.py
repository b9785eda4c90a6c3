"""Places at a server: so many questions are worked on at once, the others wait in line."""

import asyncio
from collections import deque
from collections.abc import Callable

Finish = Callable[[], None]


class Slots:
    def __init__(self) -> None:
        self._busy = 0
        self._line: deque[tuple[float, Finish]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._line)

    def is_full(self, slots: int) -> bool:
        return self._busy >= slots

    def enter(self, slots: int, latency: float, finish: Finish) -> None:
        """finish is called after a place was found and then `latency` seconds went by."""
        if self.is_full(slots):
            self._line.append((latency, finish))
        else:
            self._start(latency, finish)

    def _start(self, latency: float, finish: Finish) -> None:
        self._busy += 1
        asyncio.get_running_loop().call_later(latency, self._end, finish)

    def _end(self, finish: Finish) -> None:
        self._busy -= 1
        finish()
        if self._line:
            self._start(*self._line.popleft())
