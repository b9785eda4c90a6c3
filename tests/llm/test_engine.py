"""Many requests through one engine: each ends, once, as what it is."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.engine import Engine
from llm.request import Failure, Outcome, ProviderError, Reply, Request
from schemas.llm import LlmLimits
from schemas.values import UserError
from tests.llm.scripted import Scripted, Silent, asked, install, said, scripted, scripted_jobs

LIMIT_SECONDS = 20.0
"""Far more than a test needs, far less than ignoring Retry-After would take."""


@pytest.fixture
def complete(tmp_path: Path) -> Callable[..., list[Outcome]]:
    """Ask an engine of its own, over one response log."""

    def ask(*requests: Request, **settings: object) -> list[Outcome]:
        engine = new_engine(tmp_path, **settings)
        try:
            return asyncio.run(asyncio.wait_for(engine.complete(requests), LIMIT_SECONDS))
        finally:
            engine.close()

    return ask


def new_engine(folder: Path, scope: str = "", **limits: object) -> Engine:
    bounds = LlmLimits.model_validate({"concurrency": 4} | limits)
    return Engine(folder / "responses.sqlite", folder / "blobs", bounds, scope)


def test_outcomes_come_in_the_order_of_requests(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    scripted(monkeypatch)
    outcomes = complete(asked("c"), asked("a"), asked("b"))
    assert [outcome.text for outcome in outcomes] == ["C", "A", "B"]


def test_identical_requests_are_sent_once(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    provider = scripted(monkeypatch)
    outcomes = complete(asked("a"), asked("b"), asked("a"), asked("a"))
    assert [outcome.text for outcome in outcomes] == ["A", "B", "A", "A"]
    assert sorted(provider.sent) == ["a", "b"]


def test_identical_requests_of_callers_side_by_side_are_sent_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    provider = scripted(monkeypatch)
    engine = new_engine(tmp_path)

    async def ask() -> list[list[Outcome]]:
        return await asyncio.gather(*(engine.complete([asked("a"), asked(name)]) for name in "bcd"))

    outcomes = asyncio.run(ask())
    engine.close()
    assert [[outcome.text for outcome in pair] for pair in outcomes] == [["A", "B"], ["A", "C"], ["A", "D"]]
    assert sorted(provider.sent) == ["a", "b", "c", "d"]
    assert (engine.usage.calls, engine.usage.hits, engine.usage.input_tokens) == (4, 2, 8)


def test_logged_answer_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    provider = scripted(monkeypatch)
    complete(asked("a"))
    outcomes = complete(asked("a"), asked("b"))
    assert [outcome.cached for outcome in outcomes] == [True, False]
    assert provider.sent == ["a", "b"]


def test_never_more_calls_are_open_than_allowed_however_many_callers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    provider = scripted(monkeypatch)
    engine = new_engine(tmp_path, concurrency=3)

    async def ask() -> None:
        await asyncio.gather(*(engine.complete([asked(f"{name}{number}") for number in range(9)]) for name in "xyz"))

    asyncio.run(ask())
    engine.close()
    assert provider.most_open == 3
    assert len(provider.sent) == 27


def refusing(failure: Failure, times: int, retry_after: float | None = 0.0) -> Callable[[Request], str]:
    """Fails so many times, then answers."""
    left = [times]

    def say(request: Request) -> str:
        if left[0]:
            left[0] -= 1
            raise ProviderError(failure, "not now", retry_after)
        return said(request).upper()

    return say


@pytest.mark.parametrize("failure", ["unavailable", "timeout"])
def test_what_can_succeed_later_is_tried_again_after_the_time_the_server_asked_for(
    monkeypatch: pytest.MonkeyPatch, complete: Callable, failure: Failure
) -> None:
    provider = scripted(monkeypatch, refusing(failure, times=8))  # backing off instead would take minutes
    (outcome,) = complete(asked("a"), attempts=9)
    assert outcome.text == "A"
    assert len(provider.sent) == 9


@pytest.mark.parametrize("failure", ["refused", "rejected", "truncated", "unparsable"])
def test_what_cannot_succeed_later_is_tried_once_and_said(
    monkeypatch: pytest.MonkeyPatch, complete: Callable, failure: Failure
) -> None:
    provider = scripted(monkeypatch, refusing(failure, times=9))
    (outcome,) = complete(asked("a"))
    assert (outcome.text, outcome.failure, outcome.detail) == (None, failure, "not now")
    assert len(provider.sent) == 1


def test_attempts_end(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    provider = scripted(monkeypatch, refusing("unavailable", times=99))
    (outcome,) = complete(asked("a"), attempts=3)
    assert (outcome.failure, outcome.detail) == ("unavailable", "not now")
    assert len(provider.sent) == 3


def test_failed_request_is_sent_again_on_the_next_run_alone(
    monkeypatch: pytest.MonkeyPatch, complete: Callable
) -> None:
    provider = scripted(monkeypatch, refusing("unavailable", times=1))
    first = complete(asked("a"), asked("b"), attempts=1, concurrency=1)
    assert [outcome.failure for outcome in first] == ["unavailable", None]
    second = complete(asked("a"), asked("b"), attempts=1)
    assert [outcome.text for outcome in second] == ["A", "B"]
    assert provider.sent == ["a", "b", "a"]


def test_call_without_reply_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    install(monkeypatch, Silent())
    (outcome,) = complete(asked("a"), deadline=0.01, attempts=1)
    assert (outcome.text, outcome.failure) == (None, "timeout")
    assert "0.01 s" in outcome.detail


def test_replay_answers_from_the_log_and_misses_the_rest(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    provider = scripted(monkeypatch)
    complete(asked("a"))
    known, missed = complete(asked("a"), asked("b"), replay=True)
    assert (known.text, missed.text, missed.failure) == ("A", None, "missing")
    assert provider.sent == ["a"]
    (later,) = complete(asked("b"))
    assert later.text == "B"


def test_unknown_provider_is_a_mistake_that_names_the_known_ones(complete: Callable) -> None:
    with pytest.raises(UserError, match=r"'nobody'.* offline, openai"):
        complete(asked("a", provider="nobody"))


def test_mistake_in_one_call_stops_the_others_and_keeps_what_was_answered(
    monkeypatch: pytest.MonkeyPatch, complete: Callable
) -> None:
    def say(request: Request) -> str:
        if said(request) == "mistake":
            raise UserError("the key is wrong")
        return said(request).upper()

    provider = scripted(monkeypatch, say)
    with pytest.raises(UserError, match="the key is wrong"):
        complete(asked("a"), asked("mistake"), *(asked(f"late {number}") for number in range(40)), concurrency=1)
    assert provider.sent[:2] == ["a", "mistake"]
    assert len(provider.sent) < 5
    scripted(monkeypatch)
    assert complete(asked("a"))[0].cached


def test_what_stopped_the_engine_is_told_to_who_only_shares_its_calls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Slow(Scripted):
        async def send(self, request: Request, blobs: Path) -> Reply:
            reached.set()
            return await super().send(request, blobs)

    def say(request: Request) -> str:
        raise UserError("the key is wrong")

    reached = asyncio.Event()
    install(monkeypatch, Slow(say))
    engine = new_engine(tmp_path, concurrency=1)

    async def ask() -> list[object]:
        first = asyncio.create_task(engine.complete([asked("mistake"), asked("waits")]))
        await reached.wait()
        return [*await asyncio.gather(first, engine.complete([asked("waits")]), return_exceptions=True)]

    ended = asyncio.run(ask())
    engine.close()
    assert [(type(error), str(error)) for error in ended] == [(UserError, "the key is wrong")] * 2


# In jobs


def exhausted_at(*texts: str) -> Callable[[Request], str]:
    def say(request: Request) -> str:
        if said(request) in texts:
            raise ProviderError("exhausted", "the quota for today is used up")
        return said(request).upper()

    return say


def test_used_up_account_in_a_job_stops_the_run_and_keeps_what_was_answered(
    monkeypatch: pytest.MonkeyPatch, complete: Callable
) -> None:
    scripted_jobs(monkeypatch, exhausted_at("b", "c"))
    with pytest.raises(UserError, match=r"scripted: the quota for today is used up; what was answered is kept"):
        complete(asked("a"), asked("b"), asked("c"), batch=True)
    later = scripted_jobs(monkeypatch)
    assert [outcome.text for outcome in complete(asked("a"), asked("b"), asked("c"), batch=True)] == ["A", "B", "C"]
    assert later.jobs == [["b", "c"]]


def test_no_job_is_sent_once_the_run_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    provider = scripted_jobs(monkeypatch, exhausted_at("a"))
    engine = new_engine(tmp_path, batch=True)

    async def ask() -> list[object]:
        first = await asyncio.gather(engine.complete([asked("a")]), return_exceptions=True)
        return [*first, *await asyncio.gather(engine.complete([asked("b")]), return_exceptions=True)]

    ended = asyncio.run(ask())
    engine.close()
    assert [type(error) for error in ended] == [UserError, UserError]
    assert provider.jobs == [["a"]]


@pytest.mark.parametrize("failure", ["overloaded", "unavailable", "timeout", "rejected"])
def test_job_that_fails_ends_each_of_its_requests_as_what_it_met(
    monkeypatch: pytest.MonkeyPatch, complete: Callable, failure: Failure
) -> None:
    provider = scripted_jobs(monkeypatch)
    provider.fault = ProviderError(failure, "HTTP 503")
    outcomes = complete(asked("a"), asked("b"), batch=True)
    assert [(outcome.failure, outcome.detail) for outcome in outcomes] == [(failure, "HTTP 503")] * 2


def test_job_that_the_account_cannot_pay_for_stops_the_run(monkeypatch: pytest.MonkeyPatch, complete: Callable) -> None:
    provider = scripted_jobs(monkeypatch)
    provider.fault = ProviderError("exhausted", "no credit")
    with pytest.raises(UserError, match=r"no credit; what was answered is kept"):
        complete(asked("a"), batch=True)
    provider.fault = None
    assert [outcome.text for outcome in complete(asked("a"), batch=True)] == ["A"]


def test_usage_counts_calls_hits_failures_and_tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scripted(monkeypatch, lambda request: said(request).upper())
    engine = new_engine(tmp_path)
    asyncio.run(engine.complete([asked("a"), asked("b"), asked("a")]))
    engine.close()
    scripted(monkeypatch, refusing("refused", times=1))
    engine = new_engine(tmp_path, concurrency=1)
    asyncio.run(engine.complete([asked("c"), asked("d"), asked("a")]))
    engine.close()
    usage = engine.usage
    assert (usage.calls, usage.hits, usage.failures, usage.input_tokens, usage.output_tokens) == (2, 1, 1, 2, 1)


def test_cancelled_run_keeps_what_was_answered_and_gives_up_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Slow(Scripted):
        async def send(self, request: Request, blobs: Path) -> Reply:
            if said(request) == "slow":
                await asyncio.Event().wait()
            reply = await super().send(request, blobs)
            if len(self.sent) == 2:
                answered.set()
            return reply

    answered = asyncio.Event()
    provider = Slow(lambda request: said(request).upper())
    install(monkeypatch, provider)
    engine, other = new_engine(tmp_path), new_engine(tmp_path)

    async def cancel() -> None:
        call = asyncio.create_task(engine.complete([asked("a"), asked("slow"), asked("b")]))
        await answered.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert call.cancelled()
        provider_again = scripted(monkeypatch)
        outcomes = await asyncio.wait_for(other.complete([asked("a"), asked("slow"), asked("b")]), LIMIT_SECONDS)
        assert [outcome.cached for outcome in outcomes] == [True, False, True]
        assert provider_again.sent == ["slow"]

    asyncio.run(cancel())
    engine.close()
    other.close()
