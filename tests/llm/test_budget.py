"""A budget holds within one request's worth, keeps what was paid for, and can be raised."""

import asyncio
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from llm.engine import Engine
from llm.request import Outcome, ProviderError, Reply, Request
from schemas.failures import BudgetReached
from schemas.llm import LlmLimits, Price
from schemas.values import UserError
from tests.llm.scripted import Scripted, asked, install, scripted

# Every call of `scripted` costs two tokens in and one out; set aside are half the characters and 8 for the reply.
ROOT = Path(__file__).resolve().parents[2]
PRICES = {"m": Price(input=1e6, output=1e6)}


class Wordy(Scripted):
    """Uses all the tokens of its reply."""

    async def send(self, request: Request, blobs: Path) -> Reply:
        reply = await super().send(request, blobs)
        return reply.model_copy(update={"output_tokens": request.max_tokens})


def ask(folder: Path, number: int, scope: str = "a", **limits: object) -> list[Outcome]:
    bounds = LlmLimits.model_validate({"concurrency": 16, "prices": PRICES} | limits)
    with closing(Engine(folder / "responses.sqlite", folder / "blobs", bounds, scope)) as engine:
        return asyncio.run(engine.complete([asked(f"{index:04d}") for index in range(number)]))


@pytest.mark.parametrize("limit", ["max_tokens", "max_dollars"])
def test_spending_ends_within_one_request_of_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    provider = Wordy(lambda _request: "x")
    install(monkeypatch, provider)
    with pytest.raises(BudgetReached):
        ask(tmp_path, 100, **{limit: 255})
    assert 255 - 10 <= 10 * len(provider.sent) <= 255


def test_what_was_paid_for_is_kept_and_a_larger_budget_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = scripted(monkeypatch)
    with pytest.raises(BudgetReached, match=r"budget of 40 tokens: \$\d+\.\d{4} and \d+ tokens are spent.*raise llm"):
        ask(tmp_path, 100, max_tokens=40)
    paid = len(provider.sent)
    assert 10 < paid < 14
    outcomes = ask(tmp_path, 100, max_tokens=400)
    assert len(outcomes) == len(provider.sent) == 100
    assert sum(outcome.cached for outcome in outcomes) == paid


def test_same_budget_again_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = scripted(monkeypatch)
    for _ in range(2):
        with pytest.raises(BudgetReached):
            ask(tmp_path, 100, max_tokens=40)
    assert len(provider.sent) < 14


def test_each_artifact_has_a_budget_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch)
    with pytest.raises(BudgetReached):
        ask(tmp_path, 100, scope="a", max_tokens=40)
    assert len(ask(tmp_path, 8, scope="b", max_tokens=40)) == 8


def test_answers_that_are_logged_are_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch)
    ask(tmp_path, 50)
    assert all(outcome.cached for outcome in ask(tmp_path, 50, max_tokens=0))


def test_budget_in_dollars_without_a_price_is_a_mistake_that_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch)
    with pytest.raises(UserError, match=r"price of m: .*prices"):
        ask(tmp_path, 1, max_dollars=1, prices={})


def test_cost_is_known_where_a_price_is_and_said_to_be_unknown_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch)
    (priced,) = ask(tmp_path, 1)
    assert priced.cost == pytest.approx(3.0)
    (unpriced,) = ask(tmp_path / "other", 1, prices={})
    assert unpriced.cost is None


def test_engines_side_by_side_share_one_budget_and_use_nearly_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Wordy(lambda _request: "x")
    install(monkeypatch, provider)
    stopped = asyncio.run(_side_by_side(tmp_path, 4, max_tokens=255))
    assert all(isinstance(error, BudgetReached) for error in stopped)
    assert 255 - 10 <= 10 * len(provider.sent) <= 255


async def _side_by_side(folder: Path, number: int, **limits: object) -> list[object]:
    """What becomes of so many engines, each with questions of its own; one that is done makes way for another."""
    bounds = LlmLimits.model_validate({"concurrency": 4, "prices": PRICES} | limits)

    async def one(name: int) -> object:
        with closing(Engine(folder / "responses.sqlite", folder / "blobs", bounds, "a")) as engine:
            return await engine.complete([asked(f"{name}{index:03d}") for index in range(40)])

    return await asyncio.gather(*map(one, range(number)), return_exceptions=True)


def test_engine_that_comes_late_may_spend_what_the_others_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = scripted(monkeypatch)
    bounds = LlmLimits(max_tokens=100)
    with closing(Engine(tmp_path / "responses.sqlite", tmp_path / "blobs", bounds, "a")) as early:
        asyncio.run(early.complete([asked(f"early {index}") for index in range(25)]))
        ask(tmp_path, 4, max_tokens=100)
        with pytest.raises(BudgetReached, match=r"\d+ tokens are spent"):
            ask(tmp_path, 40, max_tokens=100)
    assert 100 - 10 <= 3 * len(provider.sent) <= 100


def test_what_a_dead_process_had_set_aside_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch)
    command = [sys.executable, "-m", "tests.llm.holding_worker", str(tmp_path / "budgets.sqlite"), "a", "90"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        bounds = LlmLimits(max_tokens=100)
        with closing(Engine(tmp_path / "responses.sqlite", tmp_path / "blobs", bounds, "a")) as engine:
            holder.kill()
            holder.wait()
            assert len(asyncio.run(engine.complete([asked(f"{index:04d}") for index in range(30)]))) == 30


def test_budget_holds_over_runs_that_forget_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(_request: Request) -> str:
        raise ProviderError("truncated", "cut", reply=Reply(text="x", request_id="", input_tokens=2, output_tokens=8))

    provider = scripted(monkeypatch, cut)
    bounds = LlmLimits(max_tokens=65)
    for _ in range(4):
        with (
            closing(Engine(tmp_path / "responses.sqlite", tmp_path / "blobs", bounds, "a")) as engine,
            suppress(BudgetReached),
        ):
            asyncio.run(engine.complete([asked(f"{index:04d}") for index in range(3)]))
        with closing(Engine(tmp_path / "responses.sqlite", tmp_path / "blobs", bounds, "a")) as engine:
            engine.forget_failures()
    assert len(provider.sent) == 6
