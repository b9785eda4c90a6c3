"""How many requests are under way: more while the server bears it, fewer when it is overloaded, a probe while it is
down."""

import asyncio

import pytest

from llm import pace
from llm.pace import Pace


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def answer(pace: Pace, number: int, latency: float = 0.2) -> None:
    for _ in range(number):
        pace.answered(latency)


def test_number_rises_to_the_bound_while_answers_come_as_fast_as_before(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    assert pace.limit == 32
    answer(pace, 100)
    assert pace.limit == 64


def test_number_rises_no_further_when_answers_take_three_times_as_long(clock: Clock) -> None:
    pace = Pace(1000, patience=60)
    answer(pace, 100)
    before = pace.limit
    answer(pace, 100, latency=0.6)
    held = pace.limit
    answer(pace, 300, latency=0.6)
    assert before < held < before + 100
    assert pace.limit == held


def test_scattered_errors_change_nothing(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    answer(pace, 100)
    for _ in range(50):
        pace.failed(overloaded=True)
        answer(pace, 19)
        clock.now += 0.3
    assert pace.limit == 64


def test_overload_cuts_once_and_not_once_an_error(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    answer(pace, 100)
    clock.now += 2
    answer(pace, 1)
    for _ in range(8):
        pace.failed(overloaded=True)
    assert pace.limit == int(64 * 0.7)


def test_number_recovers_slowly_after_a_cut(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    answer(pace, 100)
    clock.now += 2
    answer(pace, 1)
    for _ in range(8):
        pace.failed(overloaded=True)
    answer(pace, 44)
    assert 45 <= pace.limit <= 49
    answer(pace, 1000)
    assert pace.limit == 64


def test_failures_that_are_no_overload_cut_nothing(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    answer(pace, 100)
    for _ in range(15):
        pace.failed(overloaded=False)
    assert (pace.limit, pace.down) == (64, False)


def test_only_a_probe_goes_while_the_server_is_down_and_all_go_when_it_is_answered(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    for _ in range(16):
        pace.failed(overloaded=False)
    assert pace.down and not pace.given_up

    async def use() -> list[bool]:
        first, second = asyncio.create_task(pace.enter()), asyncio.create_task(pace.enter())
        await asyncio.sleep(0.02)
        clock.now += 2  # the time for a probe
        await asyncio.sleep(1.2)
        alone = [first.done(), second.done()]
        pace.answered(0.2)
        pace.leave()
        await asyncio.wait_for(second, 10)
        return alone

    assert sorted(asyncio.run(use())) == [False, True]


def test_failures_of_what_was_sent_before_do_not_delay_the_next_probe(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    for _ in range(64):
        pace.failed(overloaded=False)

    async def probe() -> bool:
        clock.now += 1.01
        entering = asyncio.create_task(pace.enter())
        await asyncio.wait([entering], timeout=10)
        return entering.done()

    assert asyncio.run(probe())


def test_waiting_is_over_when_patience_is(clock: Clock) -> None:
    pace = Pace(64, patience=60)
    for _ in range(16):
        pace.failed(overloaded=False)
    clock.now += 59
    assert not pace.given_up
    clock.now += 2
    assert pace.given_up
    pace.answered(None)
    assert not pace.given_up


def test_no_more_are_under_way_than_the_limit_says(clock: Clock) -> None:
    pace = Pace(6, patience=60)
    open_now, most = [0], [0]

    async def use() -> None:
        await pace.enter()
        open_now[0] += 1
        most[0] = max(most[0], open_now[0])
        await asyncio.sleep(0)
        open_now[0] -= 1
        pace.answered(0.1)
        pace.leave()

    async def many() -> None:
        await asyncio.gather(*(use() for _ in range(200)))

    asyncio.run(many())
    assert 3 <= most[0] <= 6


def test_who_is_cancelled_while_waiting_leaves_no_place_lost(clock: Clock) -> None:
    pace = Pace(1, patience=60)

    async def entered() -> list[bool]:
        await pace.enter()
        waiting = [asyncio.create_task(pace.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        for turn in waiting[1:]:
            pace.leave()
            await asyncio.wait([turn], timeout=10)
        return [turn.done() and not turn.cancelled() for turn in waiting]

    assert asyncio.run(entered()) == [False, True, True]
