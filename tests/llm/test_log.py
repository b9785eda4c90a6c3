"""The response log: what was paid for is there after any death, and only answers are reused."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from llm.log import ResponseLog
from llm.request import Failure, Outcome
from tests.llm.endless_writer import ANSWERS
from tests.llm.scripted import asked

ROOT = Path(__file__).resolve().parents[2]
BATCH = 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llm" / "responses.sqlite"


def record(path: Path, *outcomes: tuple[str, Outcome]) -> None:
    log = ResponseLog(path)
    for text, outcome in outcomes:
        request = asked(text)
        log.record(request, outcome.model_copy(update={"identity": request.identity}))
    log.close()


def answer(text: str) -> Outcome:
    return Outcome(identity="", text=text, request_id="r-1", input_tokens=3, output_tokens=2, cost=0.5)


def failure(kind: Failure) -> Outcome:
    return Outcome(identity="", failure=kind, detail="why")


def answers(path: Path, *texts: str) -> dict[str, str | None]:
    log = ResponseLog(path)
    found = log.answers([asked(text) for text in texts])
    log.close()
    return {text: found[asked(text).identity].text for text in texts if asked(text).identity in found}


def test_answer_is_found_by_the_next_process_with_all_that_is_known_of_it(path: Path) -> None:
    record(path, ("a", answer("A")))
    log = ResponseLog(path)
    (found,) = log.answers([asked("a"), asked("b")]).values()
    log.close()
    assert found == answer("A").model_copy(update={"identity": asked("a").identity, "cached": True})


@pytest.mark.parametrize("kind", ["refused", "truncated", "unparsable", "rejected", "unavailable", "timeout"])
def test_failure_is_kept_but_never_reused(path: Path, kind: Failure) -> None:
    record(path, ("a", failure(kind)))
    assert answers(path, "a") == {}
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT failure, detail, text FROM responses").fetchall() == [(kind, "why", None)]


def test_later_answer_replaces_a_failure_and_a_later_failure_no_answer(path: Path) -> None:
    record(path, ("a", failure("timeout")), ("a", answer("A")), ("a", failure("timeout")), ("a", answer("later")))
    assert answers(path, "a") == {"a": "A"}


def test_thousand_requests_are_looked_up_at_once(path: Path) -> None:
    record(path, *((str(number), answer(str(number))) for number in range(1200)))
    assert len(answers(path, *(str(number) for number in range(1300)))) == 1200


def test_killed_writer_loses_at_most_one_batch(path: Path) -> None:
    command = [sys.executable, "-m", "tests.llm.endless_writer", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout and writer.stdout.readline() == "recorded\n"
        writer.send_signal(signal.SIGKILL)
    kept = answers(path, *(f"question {number}" for number in range(ANSWERS)))
    assert ANSWERS - BATCH < len(kept) <= ANSWERS
    assert all(text == question.replace("question", "answer") for question, text in kept.items())


def test_two_logs_write_one_file(path: Path) -> None:
    one, two = ResponseLog(path), ResponseLog(path)
    for number in range(3 * BATCH):
        for log, name in ((one, "one"), (two, "two")):
            request = asked(f"{name} {number}")
            log.record(request, answer(name).model_copy(update={"identity": request.identity}))
    one.close()
    two.close()
    assert len(answers(path, *(f"{name} {number}" for name in ("one", "two") for number in range(3 * BATCH)))) == 192
