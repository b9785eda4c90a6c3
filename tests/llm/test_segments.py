"""Logs of several hosts come together through a folder that they share."""

import asyncio
from contextlib import closing
from pathlib import Path

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
