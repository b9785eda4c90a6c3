"""`contextfirst llm stats` tells what the log knows."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from llm.engine import Engine
from llm.request import ProviderError, Reply, Request
from llm.statistics import statistics
from schemas.llm import LlmLimits, Price
from tests.llm.scripted import asked, said, scripted


def test_calls_hits_cost_failures_and_latency_are_told_by_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = {"later": 2}

    def say(request: Request) -> str:
        if said(request) == "refused":
            raise ProviderError("refused", "why")
        if tries.get(said(request), 0):
            tries[said(request)] -= 1
            raise ProviderError("overloaded", "why", 0.0)
        return "fine"

    scripted(monkeypatch, say)
    limits = LlmLimits(prices={"m": Price(input=1e6, output=2e6)})
    for _ in range(2):
        with closing(Engine(tmp_path / "r.sqlite", tmp_path, limits, "scope")) as engine:
            asyncio.run(engine.complete([asked(text) for text in ("a", "b", "later", "refused")]))
    (found,) = statistics(tmp_path / "r.sqlite")
    assert (found.provider, found.model, found.prompt) == ("scripted", "m", "p")
    assert (found.calls, found.answered, found.hits) == (4, 3, 4)
    assert found.failures == {"refused": 1, "overloaded, tried again": 2}
    assert (found.input_tokens, found.output_tokens, found.dollars, found.unpriced) == (6, 3, 12.0, 0)
    assert found.latency and 0 < found.latency[0] <= found.latency[1] <= found.latency[2]


def test_calls_that_were_paid_for_are_told_after_they_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_request: Request) -> str:
        raise ProviderError("truncated", "cut", reply=Reply(text="x", request_id="", input_tokens=2, output_tokens=8))

    scripted(monkeypatch, cut)
    limits = LlmLimits(prices={"m": Price(input=1e6, output=1e6)})
    for _ in range(2):
        with closing(Engine(tmp_path / "r.sqlite", tmp_path, limits, "scope")) as engine:
            asyncio.run(engine.complete([asked("a"), asked("b")]))
            engine.forget_failures()
    (found,) = statistics(tmp_path / "r.sqlite")
    assert (found.calls, found.answered, found.failures) == (4, 0, {"truncated": 4})
    assert (found.input_tokens, found.output_tokens, found.dollars) == (8, 32, 40.0)
