"""The engine and the real SDKs against a server that misbehaves: nothing is lost, doubled or paid twice."""

import asyncio
import resource
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from llm.engine import Engine
from llm.log import BATCH
from llm.request import LATER, Outcome, Request
from schemas.llm import LlmLimits
from schemas.values import UserError
from tests.llm.scripted import asked
from tests.llm.vendors.faults import Behaviour
from tests.llm.vendors.server import Vendors, serving

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-0123456789abcdef"


@pytest.fixture(params=["openai", "gemini"])
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def point(patch: pytest.MonkeyPatch, vendors: Vendors) -> None:
    patch.setenv("OPENAI_BASE_URL", vendors.openai)
    patch.setenv("GEMINI_BASE_URL", vendors.gemini)


def questions(provider: str, number: int) -> list[Request]:
    return [asked(f"question {index}", provider=provider) for index in range(number)]


def ask(folder: Path, requests: list[Request], scope: str = "", **limits: object) -> list[Outcome]:
    bounds = LlmLimits.model_validate({"concurrency": 64, "deadline": 2} | limits)
    with closing(Engine(folder / "responses.sqlite", folder / "blobs", bounds, scope)) as engine:

        async def complete() -> list[Outcome]:
            async with engine.connected():
                return await engine.complete(requests)

        return asyncio.run(complete())


MIXED = {"overloaded": 0.01, "error": 0.01, "drop": 0.01, "hang": 0.005, "malformed": 0.005, "cut": 0.01}


def test_every_row_is_answered_under_mixed_faults_with_no_request_too_many(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour = Behaviour(latency=0.01, faults=MIXED, retry_after=0.1)
    with serving(behaviour) as vendors:
        point(monkeypatch, vendors)
        outcomes = ask(tmp_path, questions(provider, 400))
        counters = vendors.counters
    assert all(outcome.text for outcome in outcomes)
    assert counters.faults.total() > 10
    assert counters.asked.total() == 400 + counters.faults.total()  # each fault cost one more request, and nothing else
    assert counters.repeats == 0


def test_refusals_and_cut_replies_end_as_what_they_are_and_are_not_asked_again(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour(faults={"blocked": 0.3, "length": 0.3})) as vendors:
        point(monkeypatch, vendors)
        first = ask(tmp_path, questions(provider, 60), scope="one")
        again = ask(tmp_path, questions(provider, 60), scope="one")
        assert vendors.counters.asked.total() == 60
    ends = {outcome.failure for outcome in first}
    assert ends == {None, "refused", "truncated"}
    assert [outcome.failure for outcome in again] == [outcome.failure for outcome in first]
    assert all(outcome.said for outcome in first if outcome.failure == "truncated")
    assert all(outcome.output_tokens for outcome in first if outcome.failure == "truncated"), "it was paid for"


def test_run_waits_for_a_server_that_is_down_and_goes_on(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour(latency=0.01, outage=(0, 2.5))) as vendors:
        point(monkeypatch, vendors)
        outcomes = ask(tmp_path, questions(provider, 100))
        turned_away = vendors.counters.turned_away.total()
    assert all(outcome.text for outcome in outcomes)
    assert turned_away < 150, "one probe at a time"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unavailable", "drop"])
def test_run_waits_a_minute_for_a_server_that_is_down(
    provider: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour.model_validate({"latency": 0.05, "outage": (0.5, 60.5), "outage_fault": kind})) as vendors:
        point(monkeypatch, vendors)
        outcomes = ask(tmp_path, questions(provider, 2000))
        counters = vendors.counters
    assert all(outcome.text for outcome in outcomes)
    assert counters.repeats == 0
    assert counters.turned_away.total() < 500, "a wave when it goes down, and then one probe at a time"


def test_server_that_stays_down_ends_the_run_when_patience_does(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour(outage=(0, 3600))) as vendors:
        point(monkeypatch, vendors)
        outcomes = ask(tmp_path, questions(provider, 40), patience=0.5)
    assert {outcome.failure for outcome in outcomes} <= LATER


def test_used_up_account_stops_the_run_and_keeps_what_was_answered(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour(latency=0.01)) as vendors:
        point(monkeypatch, vendors)
        ask(tmp_path, questions(provider, 20))
        vendors.desk.behaviour = Behaviour(latency=0.01, faults={"quota": 1.0})
        with pytest.raises(UserError, match=r"quota.*kept"):
            ask(tmp_path, questions(provider, 200), concurrency=8)
        assert vendors.counters.asked.total() < 20 + 40
        vendors.desk.behaviour = Behaviour(latency=0.01)
        assert all(outcome.text for outcome in ask(tmp_path, questions(provider, 200)))
        assert vendors.counters.repeats == 0


def test_two_processes_on_one_log_pay_for_nothing_twice_and_lose_nothing(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour(latency=0.05)) as vendors:
        point(monkeypatch, vendors)
        command = [sys.executable, "-m", "tests.llm.asking_worker", str(tmp_path), provider, "300"]
        workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [worker.communicate()[0] for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0]
        counters = vendors.counters
    assert said == ["300 answered\n"] * 2
    assert counters.asked.total() == counters.answered.total() == 300


def test_replies_that_come_at_once_are_all_kept_by_a_batch_that_does_not_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow last answer must not hold back the commit of those before it."""
    with serving(Behaviour(latency=0.01)) as vendors:
        point(monkeypatch, vendors)
        vendors.desk.behaviour = Behaviour(faults={"hang": 0.1})
        engine = Engine(tmp_path / "responses.sqlite", tmp_path / "blobs", LlmLimits(concurrency=64))

        async def watch() -> int:
            task = asyncio.create_task(engine.complete(questions("openai", 30)))
            until = time.monotonic() + 20
            other = Engine(tmp_path / "responses.sqlite", tmp_path / "blobs", LlmLimits(replay=True))
            found = 0
            while found < 20 and time.monotonic() < until:
                await asyncio.sleep(0.05)
                found = sum(outcome.text is not None for outcome in await other.complete(questions("openai", 30)))
            other.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await engine.disconnect()
            return found

        with closing(engine):
            assert asyncio.run(watch()) >= 20


def test_full_disk_fails_the_run_and_a_rerun_pays_for_one_batch_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Behaviour(latency=0.02)) as vendors:
        point(monkeypatch, vendors)
        command = [sys.executable, "-m", "tests.llm.asking_worker", str(tmp_path), "openai", "400"]
        full = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, preexec_fn=lambda: limit_files(300_000), check=False
        )
        assert full.returncode == 1 and "cannot be written" in full.stderr
        before = vendors.counters.asked.total()
        assert 0 < before < 400
        again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert again.stdout == "400 answered\n"
        assert vendors.counters.repeats <= BATCH + 32, "a batch, and what came while it could not be written"


def limit_files(size: int) -> None:
    """No file of this process may grow beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
