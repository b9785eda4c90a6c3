"""Many requests, bounded in number and time, each ending as an outcome that the response log keeps.

The log is asked first; identical requests are sent once. Retries go only to what can succeed later, with jittered
backoff or the server's Retry-After. A call that fails for good is an outcome with a reason.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
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
from media.blobs import blob_path
from media.errors import MediaError
from schemas.artifact import Usage
from schemas.values import UserError

_BACKOFF = wait_exponential_jitter(initial=0.5, max=30)
Call = asyncio.Future[Outcome]


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
        self._open: dict[str, Call] = {}
        self.usage = Usage()

    async def complete(self, requests: Sequence[Request]) -> list[Outcome]:
        """One outcome a request, in their order."""
        known = self._log.answers(requests)
        new = {request.identity: request for request in requests if request.identity not in known}
        shared = {identity: call for identity, call in self._open.items() if identity in new}
        mine = {name: asyncio.ensure_future(self._answer(new[name])) for name in new if name not in shared}
        self._open |= mine
        try:
            await _finish(mine.values(), shared.values())
        finally:
            self._open = {name: call for name, call in self._open.items() if name not in mine}
            self._log.flush()
        ended = known | {name: call.result() for name, call in (mine | shared).items()}
        self._count(len(known) + len(shared), [call.result() for call in mine.values()])
        return [ended[request.identity] for request in requests]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Connections that providers open within the block are closed at its end, in the same event loop."""
        try:
            yield
        finally:
            for provider in self._providers.values():
                await provider.close()
            self._providers.clear()

    def close(self) -> None:
        self._log.close()

    async def _answer(self, request: Request) -> Outcome:
        if self._replay:
            return Outcome(identity=request.identity, failure="missing", detail="not in the response log")
        _check_media(request, self._blobs)
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
        except MediaError as error:
            return Outcome(identity=request.identity, failure="rejected", detail=str(error))
        raise RuntimeError("retrying ended without an outcome")

    async def _once(self, request: Request) -> Reply:
        if request.provider not in self._providers:
            self._providers[request.provider] = connect(request.provider)
        try:
            async with asyncio.timeout(self._deadline):
                return await self._providers[request.provider].send(request, self._blobs)
        except TimeoutError as error:
            raise ProviderError("timeout", f"no reply within {self._deadline:g} s") from error

    def _count(self, hits: int, sent: list[Outcome]) -> None:
        self.usage = Usage(
            calls=self.usage.calls + len(sent),
            hits=self.usage.hits + hits,
            failures=self.usage.failures + sum(outcome.failure is not None for outcome in sent),
            input_tokens=self.usage.input_tokens + sum(outcome.input_tokens for outcome in sent),
            output_tokens=self.usage.output_tokens + sum(outcome.output_tokens for outcome in sent),
            cost=self.usage.cost + sum(outcome.cost for outcome in sent),
        )


async def _finish(mine: Iterable[Call], shared: Iterable[Call]) -> None:
    """Wait for all calls. When one raises, what this caller started ends before the error goes on."""
    started = list(mine)
    try:
        await asyncio.gather(*started, *map(asyncio.shield, shared))
    except BaseException:
        for call in started:
            call.cancel()
        await asyncio.gather(*started, return_exceptions=True)
        raise


def _check_media(request: Request, blobs: Path) -> None:
    """Raises UserError when a file is gone: an unplugged disk is no verdict on a row."""
    for part in request.media:
        place = blob_path(blobs, part.digest)
        if not place.exists():
            lay = place.readlink() if place.is_symlink() else place
            raise UserError(f"the {part.kind} {lay} is gone: put it back, or correct its source's `folder`, and rerun")


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
