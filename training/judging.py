"""Judges beside the model: a loop in a thread of its own, a deadline for what is asked, and an eye on what fails.

Judged rewards are asked for as soon as a group's completions are written, and their answers are waited for only when
the update needs them. A late answer is not known, like any other failure of a judge; it is never a zero.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar

from llm.request import Check, Outcome, Request
from schemas.training import GrpoParams
from schemas.values import UserError
from training.rewards.contract import Referee, RewardScore

Result = TypeVar("Result")
WINDOW = 256
"""Judged rewards over which the share of unknown ones is taken."""


class SideLoop:
    """An event loop in a thread, for as long as the `with` block lasts; what is open at its end is cancelled."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="judging", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def start(self, coroutine: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Begin now; the future's `result()` waits for the end and raises what was raised."""
        assert self._loop
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self.start(coroutine).result()

    def _serve(self) -> None:
        asyncio.run(self._wait())

    async def _wait(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._done.wait()


def in_time(judge: Referee, seconds: float) -> Referee:
    """The judge, whose answer to a request is a `timeout` where it does not come within `seconds` of the asking."""

    async def complete(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        calls = [asyncio.ensure_future(judge.complete([request], check)) for request in requests]
        _, late = await asyncio.wait(calls, timeout=seconds) if calls else ((), set())
        for call in late:
            call.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return [
            _late(request, seconds) if call in late else call.result()[0]
            for request, call in zip(requests, calls, strict=True)
        ]

    return Referee(judge.model, complete)


def _late(request: Request, seconds: float) -> Outcome:
    return Outcome(identity=request.identity, failure="timeout", detail=f"no answer within {seconds:g} s")


class SilenceState(TypedDict):
    """What a run has to remember to go on: the streak, and which of the last judged rewards were not known."""

    streak: int
    unknown: list[bool]


class Silence:
    """Stops a run whose judge does not answer: after a streak, or a share of the last WINDOW judged rewards."""

    def __init__(self, params: GrpoParams) -> None:
        self._params = params
        self._streak = 0
        self._unknown: deque[bool] = deque(maxlen=WINDOW)

    def look(self, scores: Iterable[RewardScore], kept: str) -> None:
        """Take note of judged rewards in their order. kept: where a new start goes on from. Raises UserError."""
        for score in scores:
            if score.judged:
                self._note(score, kept)

    def state(self) -> SilenceState:
        return {"streak": self._streak, "unknown": list(self._unknown)}

    def restore(self, state: SilenceState) -> None:
        self._streak = state["streak"]
        self._unknown = deque(state["unknown"], maxlen=WINDOW)

    def _note(self, score: RewardScore, kept: str) -> None:
        self._streak = self._streak + 1 if score.value is None else 0
        self._unknown.append(score.value is None)
        most = self._params.max_unknown_share
        if self._streak >= self._params.max_unknown_rewards:
            self._stop(f"{self._streak} judged rewards in a row", score, kept)
        if most is not None and len(self._unknown) == WINDOW and sum(self._unknown) > most * WINDOW:
            self._stop(f"{sum(self._unknown)} of the last {WINDOW} judged rewards", score, kept)

    def _stop(self, which: str, score: RewardScore, kept: str) -> None:
        judge = self._params.judge
        raise UserError(
            f"{which} are not known, the last for {score.reason!r}: see that {judge.provider}/{judge.model} answers, "
            f"then start again; what it has answered is kept, and training goes on from {kept}"
        )
