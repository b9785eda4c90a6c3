"""Logs of several hosts come together through a folder that they share."""

import asyncio
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from llm.engine import Engine
from llm.log import ResponseLog
from llm.request import Outcome
from llm.segments import gather, share
from tests.llm.scripted import asked, scripted


def ask(log: Path, *texts: str) -> list[Outcome]:
    with closing(Engine(log, log.parent / "blobs")) as engine:
        return asyncio.run(engine.complete([asked(text) for text in texts]))


def test_what_one_host_paid_for_the_other_does_not_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = scripted(monkeypatch)
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    ask(one, "a", "b")
    assert share(one, folder) == 2
    assert gather(two, folder) == 1
    outcomes = ask(two, "a", "b", "c")
    assert [(outcome.text, outcome.cached) for outcome in outcomes] == [("A", True), ("B", True), ("C", False)]
    assert provider.sent == ["a", "b", "c"]


def test_only_what_is_new_is_laid_down_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch)
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    ask(one, "a")
    assert [share(one, folder), share(one, folder)] == [1, 0]
    ask(one, "b")
    assert share(one, folder) == 1
    assert [gather(two, folder), gather(two, folder), gather(one, folder)] == [2, 0, 0]
    assert share(two, folder) == 0, "what came from others is not laid down again"


def test_answer_of_one_host_replaces_the_failure_of_another_and_is_never_replaced(tmp_path: Path) -> None:
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    request = asked("a")
    with closing(ResponseLog(one)) as log:
        log.record(request, Outcome(identity=request.identity, failure="timeout", detail="why"))
    with closing(ResponseLog(two)) as log:
        log.record(request, Outcome(identity=request.identity, text="A"))
    for host in (one, two):
        share(host, folder)
    for host in (one, two):
        gather(host, folder)
        with closing(ResponseLog(host)) as log:
            assert log.answers([request])[request.identity].text == "A"


def test_kill_between_file_and_mark_lays_rows_twice_and_changes_nothing(tmp_path: Path) -> None:
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    request = asked("a")
    with closing(ResponseLog(one)) as log:
        log.record(request, Outcome(identity=request.identity, text="A"))
    share(one, folder)
    with closing(ResponseLog(one)) as log:
        log._connection.execute("UPDATE responses SET shared = 0")
    share(one, folder)
    assert gather(two, folder) == 2
    with closing(ResponseLog(two)) as log:
        assert len(log.answers([request])) == 1


CUT = Outcome(identity="", failure="truncated", input_tokens=3, output_tokens=2, cost=0.5)


def record(log: Path, *outcomes: tuple[str, Outcome]) -> None:
    with closing(ResponseLog(log, "scope")) as opened:
        for text, outcome in outcomes:
            opened.record(asked(text), outcome.model_copy(update={"identity": asked(text).identity}))


def forget(log: Path) -> None:
    with closing(ResponseLog(log, "scope")) as opened:
        opened.forget_failures()


def state(log: Path, *texts: str) -> tuple[tuple[float, int], set[str]]:
    """What the scope has spent, and which of its failures still stand."""
    with closing(ResponseLog(log, "scope")) as opened:
        found = opened.answers([asked(text) for text in texts])
        return opened.spent(), {text for text in texts if asked(text).identity in found}


def test_failure_that_one_host_forgets_is_forgotten_by_all_and_paid_for_once(tmp_path: Path) -> None:
    one, two, three, folder = *(tmp_path / name / "r.sqlite" for name in ("one", "two", "three")), tmp_path / "segments"
    free = CUT.model_copy(update={"failure": "rejected", "input_tokens": 0, "output_tokens": 0, "cost": 0.0})
    record(two, ("a", CUT), ("b", free))
    share(two, folder)
    gather(one, folder)
    assert state(one, "a", "b") == ((0.5, 5), {"a", "b"})
    forget(one)
    share(one, folder)
    for host in (two, three):
        gather(host, folder)
    assert [state(host, "a", "b") for host in (one, two, three)] == [((0.5, 5), set())] * 3


def test_failure_that_was_forgotten_before_it_was_shared_is_paid_for_on_every_host(tmp_path: Path) -> None:
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    record(one, ("a", CUT))
    forget(one)
    assert [share(one, folder), share(one, folder)] == [1, 0]
    gather(two, folder)
    assert share(two, folder) == 0
    assert state(two, "a") == ((0.5, 5), set())


@pytest.mark.parametrize("order", [1, -1])
def test_order_in_which_segments_are_read_changes_nothing(tmp_path: Path, order: int) -> None:
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    record(one, ("a", CUT))
    share(one, folder)
    (met,) = folder.iterdir()
    forget(one)
    share(one, folder)
    (forgotten,) = set(folder.iterdir()) - {met}
    for name, place in zip(("1.parquet", "2.parquet"), (met, forgotten)[::order], strict=True):
        place.rename(folder / name)
    gather(two, folder)
    assert state(two, "a") == ((0.5, 5), set())


def test_segment_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    one, two, folder = tmp_path / "one" / "r.sqlite", tmp_path / "two" / "r.sqlite", tmp_path / "segments"
    record(one, ("a", CUT), ("b", Outcome(identity="", text="B")))
    share(one, folder)
    (segment,) = folder.iterdir()
    pq.write_table(pq.read_table(segment).drop_columns(["displaced"]), segment)
    gather(two, folder)
    assert state(two, "a", "b") == ((0.5, 5), {"a", "b"})
