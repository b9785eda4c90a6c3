"""Many requests, bounded in number and time, each ending as an outcome that the response log keeps.

The log is asked first; identical requests are sent once. Retries go only to what can succeed later, with jittered
backoff or the server's Retry-After. A call that fails for good is an outcome with a reason.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from llm.log import ResponseLog
from llm.providers import Provider, connect
from llm.request import Outcome, ProviderError, Reply, Request
from schemas.artifact import Usage

_BACKOFF = wait_exponential_jitter(initial=0.5, max=30)


class Engine:
    """Answers requests through one response log, within one event loop.

    blobs: where media lie by digest. deadline: seconds a call. replay: answer from the log alone; a request that it
    does not hold ends as `missing`.
    """

    def __init__(
        self,
        responses: Path,
        blobs: Path,
        concurrency: int,
        deadline: float = 120,
        attempts: int = 6,
        replay: bool = False,
    ) -> None:
        self._log = ResponseLog(responses)
        self._blobs = blobs
        self._places = asyncio.Semaphore(concurrency)  # of the engine, however many callers it has
        self._deadline = deadline
        self._attempts = attempts
        self._replay = replay
        self._providers: dict[str, Provider] = {}
        self.usage = Usage()

    async def complete(self, requests: Sequence[Request]) -> list[Outcome]:
        """One outcome a request, in their order."""
        known = self._log.answers(requests)
        new = {request.identity: request for request in requests if request.identity not in known}
        try:
            sent = await asyncio.gather(*(self._answer(request) for request in new.values()))
        finally:
            self._log.flush()
        ended = known | {outcome.identity: outcome for outcome in sent}
        self._count(list(known.values()), sent)
        return [ended[request.identity] for request in requests]

    def close(self) -> None:
        self._log.close()

    async def _answer(self, request: Request) -> Outcome:
        if self._replay:
            return Outcome(identity=request.identity, failure="missing", detail="not in the response log")
        async with self._places:
            outcome = await self._send(request)
        self._log.record(request, outcome)
        return outcome

    async def _send(self, request: Request) -> Outcome:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts),
            wait=_wait,
            retry=retry_if_exception(_later),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return _answered(request, await self._once(request))
        except ProviderError as error:
            return Outcome(identity=request.identity, failure=error.failure, detail=error.detail)
        raise RuntimeError("retrying ended without an outcome")

    async def _once(self, request: Request) -> Reply:
        if request.provider not in self._providers:
            self._providers[request.provider] = connect(request.provider)
        try:
            async with asyncio.timeout(self._deadline):
                return await self._providers[request.provider].send(request, self._blobs)
        except TimeoutError as error:
            raise ProviderError("timeout", f"no reply within {self._deadline:g} s") from error

    def _count(self, known: list[Outcome], sent: list[Outcome]) -> None:
        self.usage = Usage(
            calls=self.usage.calls + len(sent),
            hits=self.usage.hits + len(known),
            failures=self.usage.failures + sum(outcome.failure is not None for outcome in sent),
            input_tokens=self.usage.input_tokens + sum(outcome.input_tokens for outcome in sent),
            output_tokens=self.usage.output_tokens + sum(outcome.output_tokens for outcome in sent),
            cost=self.usage.cost + sum(outcome.cost for outcome in sent),
        )


def _answered(request: Request, reply: Reply) -> Outcome:
    return Outcome(
        identity=request.identity,
        text=reply.text,
        request_id=reply.request_id,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        cost=reply.cost,
    )


def _later(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.can_succeed_later


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ProviderError) else None
    return asked if asked is not None else _BACKOFF(state)
