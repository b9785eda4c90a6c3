"""How many requests are under way at once: as many as the server bears, up to a bound, and none while it is down.

The number rises with every answer while answers come as fast as before, and is cut once, not once an error, when the
server is overloaded. Scattered errors are noise and change nothing. After a streak of failures nothing is sent but a
probe now and then, until one is answered.
"""

import asyncio
import time
from collections import deque

_STREAK = 16
_PROBE_SECONDS, _MOST_PROBE_SECONDS = 1.0, 30.0
_OVERLOADED_SHARE, _OVERLOADED_LEAST = 0.1, 3
_CUT = 0.7
_SLOWER, _REMEMBERED = 2.0, 20


class Pace:
    """Places for requests. most: at once. patience: seconds without an answer until waiting is over."""

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._limit = max(1.0, most / 2)
        self._cut_before = False
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._streak = 0
        self._down_since: float | None = None
        self._probe_at = 0.0
        self._probe_wait = _PROBE_SECONDS
        self._window_from = time.monotonic()
        self._ended = self._overloaded = 0
        self._answers, self._latency, self._quickest = 0, 0.0, float("inf")

    @property
    def down(self) -> bool:
        """Whether the server has failed so often in a row that only probes are sent."""
        return self._streak >= _STREAK

    @property
    def given_up(self) -> bool:
        """Whether the server has been down for longer than patience lasts."""
        return self._down_since is not None and time.monotonic() - self._down_since > self._patience

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return max(1, int(self._limit))

    async def enter(self) -> None:
        """Wait for a place."""
        if self._may_go() and not self._waiting:
            self._under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place had been given already
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._under_way -= 1
        self._wake()

    def answered(self, latency: float | None) -> None:
        """An attempt was answered, after so many seconds; None where it says nothing of the model's speed."""
        self._streak, self._down_since, self._probe_wait = 0, None, _PROBE_SECONDS
        if latency is None:
            return
        self._answers += 1
        self._latency += (latency - self._latency) / min(self._answers, _REMEMBERED)
        if self._answers >= _REMEMBERED:
            self._quickest = min(self._quickest, self._latency)
        self._count(overloaded=False)
        if self._latency <= _SLOWER * self._quickest:
            self._limit = min(self._most, self._limit + (4 / self._limit if self._cut_before else 1))

    def failed(self, *, overloaded: bool) -> None:
        """An attempt was not answered. overloaded: because the server asks for less."""
        self._streak += 1
        self._count(overloaded=overloaded)
        now = time.monotonic()
        if self.down and now >= self._probe_at:  # else it was sent before the server was known to be down
            self._down_since = self._down_since or now
            self._probe_at = now + self._probe_wait
            self._probe_wait = min(2 * self._probe_wait, _MOST_PROBE_SECONDS)

    def _may_go(self) -> bool:
        if not self.down or self.given_up:
            return self._under_way < self.limit
        return self._under_way == 0 and time.monotonic() >= self._probe_at

    def _wake(self) -> None:
        """Give free places to those who have waited longest; while the server is down, when a probe is due."""
        while self._waiting and self._may_go():
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)
        if self._waiting and not self._under_way:
            wait = max(0.01, self._probe_at - time.monotonic())
            asyncio.get_running_loop().call_later(wait, self._wake)

    def _count(self, *, overloaded: bool) -> None:
        """Cut the limit when a tenth of what ended within about one latency was refused for overload."""
        self._ended += 1
        self._overloaded += overloaded
        if self._overloaded >= _OVERLOADED_LEAST and self._overloaded > _OVERLOADED_SHARE * max(
            self._ended, self.limit
        ):
            self._limit, self._cut_before = max(1.0, _CUT * self._limit), True
            self._begin_window()
        elif time.monotonic() - self._window_from > max(1.0, self._latency):
            self._begin_window()

    def _begin_window(self) -> None:
        self._window_from, self._ended, self._overloaded = time.monotonic(), 0, 0
