"""Requests and tokens a minute, shared by all processes of one host."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from llm import rates
from llm.rates import Rates


class Clock:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(rates, "time", clock)
    monkeypatch.setattr(rates, "asyncio", clock)
    return clock


def waits(limits: Rates, number: int, tokens: int = 1, model: str = "m") -> None:
    async def use() -> None:
        for _ in range(number):
            await limits.wait(model, tokens)

    asyncio.run(use())


def test_requests_keep_to_their_rate(tmp_path: Path, clock: Clock) -> None:
    began = clock.now
    with closing(Rates(tmp_path / "rates.sqlite", 120, None)) as limits:
        waits(limits, 121)
    assert clock.now - began == pytest.approx(60 - 0.5)


def test_tokens_keep_to_theirs(tmp_path: Path, clock: Clock) -> None:
    began = clock.now
    with closing(Rates(tmp_path / "rates.sqlite", None, 6000)) as limits:
        waits(limits, 13, tokens=500)
    assert clock.now - began == pytest.approx(60 - 0.5)


def test_two_processes_share_one_rate(tmp_path: Path, clock: Clock) -> None:
    began = clock.now
    place = tmp_path / "rates.sqlite"
    with closing(Rates(place, 120, None)) as one, closing(Rates(place, 120, None)) as two:
        for _ in range(60):
            waits(one, 1)
            waits(two, 1)
    assert clock.now - began == pytest.approx(59.5 - 0.5)


def test_models_have_rates_of_their_own(tmp_path: Path, clock: Clock) -> None:
    with closing(Rates(tmp_path / "rates.sqlite", 60, None)) as limits:
        waits(limits, 1, model="a")
        waits(limits, 1, model="b")
    assert clock.slept == []


def test_tokens_that_were_not_used_come_back(tmp_path: Path, clock: Clock) -> None:
    began = clock.now
    with closing(Rates(tmp_path / "rates.sqlite", None, 6000)) as limits:
        for _ in range(13):
            waits(limits, 1, tokens=500)
            limits.correct("m", -400)
    assert clock.now - began == pytest.approx(12 - 0.5, abs=5)


def test_clock_that_was_set_back_delays_by_a_minute_at_most(tmp_path: Path, clock: Clock) -> None:
    with closing(Rates(tmp_path / "rates.sqlite", 60, None)) as limits:
        waits(limits, 3)
        clock.now -= 86_400
        began = clock.now
        waits(limits, 1)
    assert clock.now - began <= 60


def test_without_limits_nothing_is_written(tmp_path: Path, clock: Clock) -> None:
    with closing(Rates(tmp_path / "rates.sqlite", None, None)) as limits:
        waits(limits, 100, tokens=10**9)
    assert clock.slept == [] and list(tmp_path.iterdir()) == []
