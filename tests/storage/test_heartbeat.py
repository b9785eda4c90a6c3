"""Leases in a bucket: one holder at a time, whatever dies and whatever clocks do."""

import threading
from collections.abc import Callable

import pytest

from schemas.failures import LeaseLost, StoreUnreachable
from schemas.values import UserError
from storage.heartbeat import Held, Lease, Timing, Watch, acquire, await_end, check_conditions, hold, living
from tests.stages import one_line
from tests.storage.memory import QUICK, Memory

KEY = "leases/note/0.json"


class Clock:
    """Time that passes when somebody sleeps. each: told before every sleep."""

    def __init__(self, each: Callable[[int], None] = lambda _sleeps: None) -> None:
        self.now, self.sleeps, self.each = 0.0, 0, each

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self.each(self.sleeps)
        self.now += seconds

    def timing(self) -> Timing:
        return Timing(beat=10, look=2, lapse=60, monotonic=self.monotonic, sleep=self.sleep)


def nobody(_holder: str) -> None:
    raise AssertionError("nobody holds it")


def held(
    remote: Memory, run: str = "first", on_wait: Callable[[str], None] = nobody, clock: Clock | None = None
) -> Held:
    return acquire(remote, KEY, run, on_wait, (clock or Clock()).timing())


def holder(remote: Memory) -> str:
    return Lease.model_validate_json(remote.objects[KEY].content).run


def test_lease_says_who_holds_it_and_is_gone_when_let_go() -> None:
    remote = Memory()
    with hold(remote, KEY, "run-1", nobody, QUICK):
        assert holder(remote) == "run-1"
    assert remote.objects == {}


def test_lease_of_a_dead_holder_is_taken_over_after_it_has_shown_no_life_for_the_lapse() -> None:
    remote, clock, told = Memory(), Clock(), list[str]()
    held(remote)
    held(remote, "second", told.append, clock)
    assert holder(remote) == "second"
    assert clock.now == 60
    assert len(told) == 1 and '"run":"first"' in told[0]


def test_lease_of_a_living_holder_is_not_taken_over_however_long_it_lasts() -> None:
    remote = Memory()
    first = held(remote)

    def live(sleeps: int) -> None:
        if sleeps % 20 == 0:  # a beat every 40 s
            first.confirm()
        if sleeps == 1000:
            first.let_go()

    clock = Clock(live)
    held(remote, "second", lambda _: None, clock)
    assert clock.sleeps == 1000


@pytest.mark.parametrize("jump", [1e9, -1e9])
def test_clock_that_jumps_kills_nobody(jump: float) -> None:
    """The waiter's machine slept, or its clock was set: that is one look, not a lapse."""
    remote = Memory()
    first = held(remote)
    clock = Clock()

    def live(sleeps: int) -> None:
        if sleeps == 5:
            clock.now += jump
        if sleeps == 8:
            first.confirm()
        if sleeps == 20:
            first.let_go()

    clock.each = live
    held(remote, "second", lambda _: None, clock)
    assert clock.sleeps == 20


def test_watch_counts_only_what_it_has_watched() -> None:
    clock = Clock()
    watch = Watch(clock.timing())
    assert watch.idle("a") == 0
    clock.now += 3
    assert watch.idle("a") == 3
    clock.now += 1e6
    assert watch.idle("a") == 7
    clock.now -= 1e9
    assert watch.idle("a") == 7
    assert watch.idle("b") == 0


def test_of_two_takers_one_wins_and_the_other_waits_for_it() -> None:
    remote = Memory()
    held(remote, "dead")
    first = Clock()
    taken: list[str] = []

    def other_is_quicker(verb: str, key: str) -> None:
        if verb == "write" and not taken and first.now >= 60:
            taken.append(remote.objects[key].tag)
            remote._put(key, Lease(host="b", pid=1, run="quicker", token="b").model_dump_json().encode())

    remote.before = other_is_quicker
    held(remote, "slower", lambda _: None, first)
    assert holder(remote) == "slower"
    assert first.now == 120  # once for the dead one, once for the quicker one, which died too


def test_many_threads_hold_one_lease_one_after_another() -> None:
    remote, inside, most = Memory(), list[int](), list[int]()

    def hold_often() -> None:
        for _ in range(5):
            with hold(remote, KEY, "", lambda _: None, QUICK):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=hold_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_holder_that_was_taken_over_learns_it_and_leaves_the_takers_lease_alone() -> None:
    remote = Memory()
    first = held(remote)
    held(remote, "second", lambda _: None)
    for learn in (first.confirm, first.confirm, first.let_go):
        with pytest.raises(LeaseLost) as caught:
            learn()
        assert "taken over by another run" in one_line(caught.value)
    assert holder(remote) == "second"


def test_holder_whose_lease_was_taken_away_does_not_get_it_back() -> None:
    remote = Memory()
    first = held(remote)
    assert living(remote, but="", timing=Clock().timing()) == []
    assert remote.objects == {}
    with pytest.raises(LeaseLost):
        first.confirm()


def test_living_leases_are_told_from_dead_ones_by_what_they_do() -> None:
    remote = Memory()
    held(remote, "dead")
    alive = acquire(remote, "leases/note/1.json", "alive", nobody)
    acquire(remote, "leases/mine.json", "mine", nobody)
    clock = Clock(lambda sleeps: alive.confirm() if sleeps == 4 else None)
    found = living(remote, but="leases/mine.json", timing=clock.timing())
    assert [lease and lease.run for lease in found] == ["alive"]
    assert sorted(remote.objects) == ["leases/mine.json", "leases/note/1.json"]


def test_beat_whose_answer_got_lost_is_taken_for_what_it_was() -> None:
    remote = Memory()
    first = held(remote)

    def cut(key: str, content: bytes, over: str | None) -> str | None:
        Memory.write(remote, key, content, over)
        raise StoreUnreachable("cut")

    remote.write = cut  # type: ignore[method-assign]
    with pytest.raises(StoreUnreachable):
        first.confirm()
    del remote.write
    first.confirm()
    first.let_go()
    assert remote.objects == {}


@pytest.mark.parametrize("fault", [StoreUnreachable("down"), UserError("closed to this key"), OSError("cut")])
def test_holder_beats_on_after_beats_that_fail(fault: Exception) -> None:
    remote = Memory()
    beaten = threading.Event()
    down = iter([True, True])

    def unreachable(verb: str, _key: str) -> None:
        if verb == "write" and remote.objects:
            if next(down, False):
                raise fault
            beaten.set()

    remote.before = unreachable
    with hold(remote, KEY, "first", nobody, QUICK) as mine:
        assert beaten.wait(20)
        mine.confirm()
        assert holder(remote) == "first"


def test_lease_that_cannot_be_let_go_does_not_hide_why_its_holder_failed() -> None:
    remote = Memory()

    def refuse(verb: str, _key: str) -> None:
        raise UserError(f"closed to this key: {verb}")

    with pytest.raises(KeyError), hold(remote, KEY, "first", nobody, QUICK):
        remote.before = refuse
        raise KeyError
    assert holder(remote) == "first"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b'{"format": 9}'])
def test_lease_that_cannot_be_read_is_waited_for_like_any_other(content: bytes) -> None:
    remote, clock = Memory(), Clock()
    remote.write(KEY, content, over=None)
    held(remote, "second", lambda _: None, clock)
    assert clock.now == 60 and holder(remote) == "second"


def test_end_of_a_dead_collector_is_waited_for_no_longer_than_the_lapse() -> None:
    remote, clock = Memory(), Clock()
    held(remote)
    await_end(remote, KEY, clock.timing())
    assert clock.now == 60 and remote.objects == {}


def test_of_two_who_take_a_dead_lease_away_one_alone_removes_it() -> None:
    """By the time the other would, it may be the next holder's."""
    remote, first, second = Memory(), Clock(), Clock()
    held(remote)
    removed: list[str] = []

    def stop_before_removing(verb: str, _key: str) -> None:
        if verb == "remove":
            raise StoreUnreachable("the first is held up")

    def first_is_quicker(verb: str, _key: str) -> None:
        if verb == "write":
            remote.before = stop_before_removing
            with pytest.raises(StoreUnreachable):
                await_end(remote, KEY, first.timing())
            remote.before = lambda verb, key: removed.append(key) if verb == "remove" else None
            second.each = lambda _sleeps: remote.objects.clear()  # the first goes on

    remote.before = first_is_quicker
    await_end(remote, KEY, second.timing())
    assert removed == [] and first.now == 60


def test_bucket_that_takes_no_notice_of_conditions_is_refused() -> None:
    class Deaf(Memory):
        def write(self, key: str, content: bytes, over: str | None) -> str | None:
            return self._put(key, content)

    check_conditions(Memory())
    with pytest.raises(UserError, match="takes no notice of conditions") as caught:
        check_conditions(Deaf())
    one_line(caught.value)
