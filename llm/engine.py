"""Many requests, bounded in number, time and money, each ending as an outcome that the response log keeps.

The log is asked first; identical requests are sent once, also by several processes. Retries go only to what can
succeed later, with jittered backoff or the server's Retry-After, and hold no place while they wait. A call that fails
for good is an outcome with a reason. What stops everything (a wrong key, a spent budget, a full disk) sends no more
and lets the calls under way end, since they are paid for.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeGuard

from llm.budget import Budget
from llm.log import ResponseLog
from llm.pace import Pace
from llm.providers import BatchProvider, Provider, connect
from llm.rates import Rates
from llm.request import Check, Outcome, ProviderError, Reply, Request
from media.blobs import blob_path
from media.errors import MediaError
from schemas.artifact import Usage
from schemas.llm import LlmLimits
from schemas.values import UserError

_MOST_BACKOFF, _MOST_RETRY_AFTER = 30.0, 300.0
_COMMIT_SECONDS = 0.05
_LOOK_SECONDS = 0.2

Call = asyncio.Task[Outcome]


class _NotSent(Exception):
    """The engine was stopped before this request went; the reason is raised once, for all of them."""


class Engine:
    """Answers requests through one response log, within one event loop.

    blobs: where media lie by digest. scope: the artifact being made, whose budget and failures are its own.
    """

    def __init__(self, responses: Path, blobs: Path, limits: LlmLimits | None = None, scope: str = "") -> None:
        self._limits = limits or LlmLimits()
        self._log = ResponseLog(responses, scope)
        self._rates = Rates(
            responses.with_name("rates.sqlite"), self._limits.requests_per_minute, self._limits.tokens_per_minute
        )
        self._budget = Budget(self._limits, responses.with_name("budgets.sqlite"), scope, self._log.spent)
        self._pace = Pace(self._limits.concurrency, self._limits.patience)
        self._state = responses.parent
        self._blobs = blobs
        self._providers: dict[str, Provider] = {}
        self._open: dict[str, Call] = {}
        self.on_end: Callable[[], object] = _nothing
        """Called whenever a request has ended."""
        self._stopped: Exception | None = None
        self._commit: asyncio.TimerHandle | None = None
        self.usage = Usage()
        self.lost = 0
        """Requests that were under way when an earlier process died, and that were sent again."""

    async def complete(self, requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        """One outcome a request, in their order. `check` reads each answer; one that it refuses is `unparsable`."""
        wanted = {request.identity: request for request in requests}
        ended: dict[str, Outcome] = {}
        while len(ended) < len(wanted):
            ended |= await self._round({name: wanted[name] for name in wanted if name not in ended}, check)
        outcomes = {name: _checked(outcome, check) for name, outcome in ended.items()}
        self.usage += usage_of(outcomes.values())
        return [outcomes[request.identity] for request in requests]

    @property
    def begun(self) -> int:
        """Requests that are under way or wait for their turn."""
        return len(self._open)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Connections that providers open within the block are closed at its end, in the same event loop."""
        try:
            yield
        finally:
            await self.disconnect()

    async def disconnect(self) -> None:
        """Close the connections that are open."""
        for provider in self._providers.values():
            await provider.close()
        self._providers.clear()

    def forget_failures(self) -> None:
        """Ask anew in this scope for what it has failed at so far."""
        self._log.forget_failures()

    def close(self) -> None:
        self._rates.close()
        self._log.close()
        self._budget.close()  # last: who comes next begins with what the log has seen

    async def _round(self, wanted: Mapping[str, Request], check: Check | None) -> dict[str, Outcome]:
        """Outcomes of those that have ended, that others of this process are asking for, and that we may send."""
        shared = {name: self._open[name] for name in wanted if name in self._open}
        known, mine = self._claim([request for name, request in wanted.items() if name not in shared])
        calls = self._start([wanted[name] for name in wanted if name in mine], check)
        for name, call in calls.items():
            self._open[name] = call
            call.add_done_callback(partial(self._end, name))
        if not (known or calls or shared):
            await asyncio.sleep(_LOOK_SECONDS)  # another process has sent the rest
        try:
            await _end_all(calls.values(), shared.values())
            elsewhere = {name: call.result() for name, call in shared.items() if not call.cancelled()}
        except _NotSent:
            assert self._stopped
            raise self._stopped from None
        finally:
            self._close(calls)
        for request in (wanted[name] for name in known):
            self._log.count(request, "hit")
        here = {name: call.result() for name, call in calls.items()}
        return known | {name: as_hit(outcome) for name, outcome in elsewhere.items()} | here

    def _claim(self, requests: Sequence[Request]) -> tuple[dict[str, Outcome], Collection[str]]:
        """What is logged, and the identities that are ours to send."""
        if self._limits.replay:
            missing = {request.identity: _missing(request) for request in requests}
            return missing | self._log.answers(requests), ()
        claims = self._log.claim(requests)
        self.lost += claims.lost
        return claims.known, claims.mine

    def _end(self, name: str, _: Call) -> None:
        del self._open[name]
        self.on_end()

    def _close(self, calls: Mapping[str, Call]) -> None:
        """Commit what has ended and give up the claims of what has not."""
        if self._commit:
            self._commit.cancel()
            self._commit = None
        self._log.release(name for name, call in calls.items() if call.cancelled() or call.exception())

    async def _answer(self, request: Request, check: Check | None) -> Outcome:
        try:
            _check_media(request, self._blobs)
            async with self._budget.set_aside(request):
                outcome = _checked(await self._send(request), check)
                self._budget.spend(request, outcome)
                self._log.record(request, outcome)
            self._commit_soon()
        except Exception as error:
            self._stopped = self._stopped or error
            raise
        return outcome

    def _start(self, requests: Sequence[Request], check: Check | None) -> dict[str, Call]:
        """A call for each, or one job for all that a provider takes as one."""
        calls: dict[str, Call] = {}
        jobs: dict[str, list[Request]] = {}
        for request in requests:
            if self._limits.batch and isinstance(self._provider(request.provider), BatchProvider):
                jobs.setdefault(request.provider, []).append(request)
            else:
                calls[request.identity] = asyncio.create_task(self._answer(request, check))
        for alike in jobs.values():
            job = asyncio.create_task(self._answer_batch(alike, check))
            calls |= {one.identity: asyncio.create_task(_part(job, one.identity)) for one in alike}
        return calls

    async def _answer_batch(self, requests: Sequence[Request], check: Check | None) -> dict[str, Outcome]:
        """Wait for the job, however long; its answers are logged together, so that a rerun finds it by its requests."""
        try:
            for request in requests:
                _check_media(request, self._blobs)
            async with self._budget.set_aside(*requests):
                answers = await self._send_batch(requests)
                sent = [(one, answer) for one, answer in zip(requests, answers, strict=True) if not _used_up(answer)]
                ended = [(request, self._of_batch(request, answer, check)) for request, answer in sent]
                self._log.record_all(ended)
            if unsent := [answer for answer in answers if _used_up(answer)]:
                raise _mistake(requests[0], unsent[0])
        except Exception as error:
            self._stopped = self._stopped or error
            raise
        return {request.identity: outcome for request, outcome in ended}

    async def _send_batch(self, requests: Sequence[Request]) -> Sequence[Reply | ProviderError]:
        """An answer a request; where it is the job that fails, they all failed as it did."""
        if self._stopped:
            raise _NotSent
        provider = self._provider(requests[0].provider)
        assert isinstance(provider, BatchProvider)
        for request in requests:
            self._log.sent(request)
        try:
            return await provider.send_batch(requests, self._blobs)
        except ProviderError as error:
            return [error] * len(requests)

    def _of_batch(self, request: Request, answer: Reply | ProviderError, check: Check | None) -> Outcome:
        error = answer if isinstance(answer, ProviderError) else None
        reply = answer if isinstance(answer, Reply) else answer.reply or Reply(text="", request_id="")
        outcome = _checked(self._ended(request, reply, error, batch=True), check)
        self._budget.spend(request, outcome)
        return outcome

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            self._providers[name] = connect(name, self._state)
        return self._providers[name]

    async def _send(self, request: Request) -> Outcome:
        try:
            return await self._until_it_ends(request)
        except ProviderError as error:
            if _used_up(error):
                raise _mistake(request, error) from error
            return self._ended(request, error.reply or Reply(text="", request_id=""), error)
        except MediaError as error:
            return Outcome(identity=request.identity, failure="rejected", detail=str(error))

    async def _until_it_ends(self, request: Request) -> Outcome:
        for attempt in count(1):
            try:
                return await self._attempt(request)
            except ProviderError as error:
                if not error.can_succeed_later or self._tried_enough(attempt):
                    raise
                await asyncio.sleep(_wait(attempt, error))
        raise AssertionError("counting does not end")

    async def _attempt(self, request: Request) -> Outcome:
        await self._pace.enter()
        try:
            return await self._once(request)
        except ProviderError as error:
            if error.can_succeed_later:
                self._log.count(request, f"{error.failure}, tried again")
                self._pace.failed(overloaded=error.failure == "overloaded")
            else:
                self._pace.answered(None)
            raise
        finally:
            self._pace.leave()

    async def _once(self, request: Request) -> Outcome:
        """Send one attempt."""
        tokens = self._budget.input_tokens(request) + request.max_tokens
        await self._rates.wait(request.model, tokens)
        if self._stopped:
            raise _NotSent
        provider = self._provider(request.provider)
        self._log.sent(request)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.deadline):
                reply = await provider.send(request, self._blobs)
        except TimeoutError as error:
            raise ProviderError("timeout", f"no reply within {self._limits.deadline:g} s") from error
        latency = time.monotonic() - began
        self._pace.answered(latency)
        self._rates.correct(request.model, reply.input_tokens + reply.output_tokens - tokens)
        return self._ended(request, reply, None, latency)

    def _ended(
        self, request: Request, reply: Reply, error: ProviderError | None, latency: float = 0.0, batch: bool = False
    ) -> Outcome:
        return Outcome(
            identity=request.identity,
            text=None if error else reply.text,
            failure=error.failure if error else None,
            detail=error.detail if error else "",
            said=reply.text if error else "",
            request_id=reply.request_id,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost=self._budget.cost(request, reply.input_tokens, reply.output_tokens, batch),
            latency=latency,
            finish=reply.finish,
        )

    def _tried_enough(self, attempts: int) -> bool:
        """While a server is down, patience counts and attempts do not."""
        if self._pace.down:
            return self._pace.given_up or self._stopped is not None
        return attempts >= self._limits.attempts or self._stopped is not None

    def _commit_soon(self) -> None:
        """A batch that does not fill is committed all the same."""
        if not self._commit:
            self._commit = asyncio.get_running_loop().call_later(_COMMIT_SECONDS, self._commit_now)

    def _commit_now(self) -> None:
        self._commit = None
        try:
            self._log.flush()
        except UserError as error:  # nobody awaits a timer: the calls that come next raise it
            self._stopped = self._stopped or error


def _nothing() -> None:
    """Nobody listens."""


def usage_of(outcomes: Collection[Outcome]) -> Usage:
    """What outcomes of different requests cost. Those that the log or another caller had cost nothing."""
    sent = [outcome for outcome in outcomes if not outcome.cached]
    return Usage(
        calls=len(sent),
        hits=len(outcomes) - len(sent),
        failures=sum(outcome.failure is not None for outcome in sent),
        input_tokens=sum(outcome.input_tokens for outcome in sent),
        output_tokens=sum(outcome.output_tokens for outcome in sent),
        cost=sum(outcome.cost or 0.0 for outcome in sent),
        unpriced=sum(outcome.cost is None for outcome in sent),
    )


def as_hit(outcome: Outcome) -> Outcome:
    return outcome.model_copy(update={"cached": True})


async def _end_all(mine: Collection[Call], shared: Collection[Call]) -> None:
    """Wait for all calls; then raise the first error among ours. When we are cancelled, ours are too."""
    try:
        if calls := {*mine, *shared}:
            await asyncio.wait(calls)
    except asyncio.CancelledError:
        for call in mine:
            call.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
        raise
    errors = [error for call in mine if (error := call.exception())]
    if errors:
        raise next((error for error in errors if not isinstance(error, _NotSent)), errors[0])


async def _part(job: "asyncio.Task[dict[str, Outcome]]", name: str) -> Outcome:
    return (await job)[name]


def _checked(outcome: Outcome, check: Check | None) -> Outcome:
    """The outcome itself, or `unparsable` where `check` refuses its text."""
    if outcome.text is None or check is None:
        return outcome
    try:
        check(outcome.text)
    except ValueError as error:
        refused = {"text": None, "failure": "unparsable", "detail": str(error), "said": outcome.text}
        return outcome.model_copy(update=refused)
    return outcome


def _used_up(answer: Reply | ProviderError) -> TypeGuard[ProviderError]:
    """The account is: that says nothing of a request, and no other one would be answered."""
    return isinstance(answer, ProviderError) and answer.failure == "exhausted"


def _mistake(request: Request, error: ProviderError) -> UserError:
    return UserError(f"{request.provider}: {error.detail}; what was answered is kept, and a rerun asks for the rest")


def _missing(request: Request) -> Outcome:
    return Outcome(identity=request.identity, failure="missing", detail="not in the response log", cached=True)


def _check_media(request: Request, blobs: Path) -> None:
    """Raises UserError when a file is gone: an unplugged disk is no verdict on a row."""
    for part in request.media:
        place = blob_path(blobs, part.digest)
        if not place.exists():
            lay = place.readlink() if place.is_symlink() else place
            raise UserError(f"the {part.kind} {lay} is gone: put it back, or correct its source's `folder`, and rerun")


def _wait(attempt: int, error: ProviderError) -> float:
    """Seconds until the next attempt: as the server asked, or longer after each failure, with jitter."""
    if error.retry_after is not None:
        return min(error.retry_after, _MOST_RETRY_AFTER)
    return min(_MOST_BACKOFF, 0.5 * 2 ** (attempt - 1) + random.random())
