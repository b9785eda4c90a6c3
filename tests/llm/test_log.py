"""The response log: what was paid for is there after any death, and only answers are reused."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from llm.log import BATCH, ResponseLog
from llm.request import FINAL, LATER, Failure, Outcome
from schemas.values import UserError
from tests.llm.endless_writer import ANSWERS
from tests.llm.scripted import asked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llm" / "responses.sqlite"


def record(path: Path, *outcomes: tuple[str, Outcome], scope: str = "") -> None:
    log = ResponseLog(path, scope)
    for text, outcome in outcomes:
        request = asked(text)
        log.record(request, outcome.model_copy(update={"identity": request.identity}))
    log.close()


def answer(text: str) -> Outcome:
    return Outcome(identity="", text=text, request_id="r-1", input_tokens=3, output_tokens=2, cost=0.5)


def failure(kind: Failure) -> Outcome:
    return Outcome(identity="", failure=kind, detail="why", said="half a")


def answers(path: Path, *texts: str) -> dict[str, str | None]:
    log = ResponseLog(path)
    found = log.answers([asked(text) for text in texts])
    log.close()
    return {text: found[asked(text).identity].text for text in texts if asked(text).identity in found}


def failures(path: Path, *texts: str, scope: str) -> dict[str, tuple[str | None, str, str]]:
    with closing(ResponseLog(path, scope)) as log:
        found = log.answers([asked(text) for text in texts])
    by_text = {text: found[asked(text).identity] for text in texts if asked(text).identity in found}
    return {text: (outcome.failure, outcome.detail, outcome.said) for text, outcome in by_text.items()}


def test_answer_is_found_by_the_next_process_with_all_that_is_known_of_it(path: Path) -> None:
    record(path, ("a", answer("A")))
    log = ResponseLog(path)
    (found,) = log.answers([asked("a"), asked("b")]).values()
    log.close()
    assert found == answer("A").model_copy(update={"identity": asked("a").identity, "cached": True})


@pytest.mark.parametrize("kind", sorted(FINAL))
def test_final_failure_stands_for_the_artifact_that_met_it_and_for_no_other(path: Path, kind: Failure) -> None:
    record(path, ("a", failure(kind)), scope="one")
    assert failures(path, "a", scope="one") == {"a": (kind, "why", "half a")}
    assert failures(path, "a", scope="two") == {}


@pytest.mark.parametrize("kind", sorted({*LATER, "exhausted"}))
def test_failure_that_may_pass_is_kept_but_never_reused(path: Path, kind: Failure) -> None:
    record(path, ("a", failure(kind)))
    assert answers(path, "a") == {}
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT failure, detail, text FROM responses").fetchall() == [(kind, "why", None)]


def test_forgotten_failures_are_asked_for_again_and_answers_are_not(path: Path) -> None:
    record(path, ("a", failure("refused")), ("b", answer("B")), scope="one")
    with closing(ResponseLog(path, "one")) as log:
        log.forget_failures()
        assert log.claim([asked("a"), asked("b")]).mine == {asked("a").identity}


def test_what_one_process_has_claimed_is_left_to_it(path: Path) -> None:
    with closing(ResponseLog(path)) as first, closing(ResponseLog(path)) as second:
        assert first.claim([asked("a")]).mine == {asked("a").identity}
        claims = second.claim([asked("a"), asked("b")])
        assert (claims.mine, claims.others) == ({asked("b").identity}, {asked("a").identity})
        first.record(asked("a"), answer("A").model_copy(update={"identity": asked("a").identity}))
        first.flush()
        assert second.claim([asked("a")]).known[asked("a").identity].text == "A"


def test_claim_that_was_given_up_is_free(path: Path) -> None:
    with closing(ResponseLog(path)) as first, closing(ResponseLog(path)) as second:
        first.claim([asked("a")])
        first.release([asked("a").identity])
        assert second.claim([asked("a")]).mine == {asked("a").identity}


def test_claims_of_a_killed_process_are_taken_over_and_what_it_had_sent_is_counted(path: Path) -> None:
    command = [sys.executable, "-m", "tests.llm.endless_writer", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout and writer.stdout.readline() == "recorded\n"
        left_open = [asked("left open 0"), asked("left open 1")]
        with closing(ResponseLog(path)) as log:
            assert len(log.claim(left_open).others) == 2
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        with closing(ResponseLog(path)) as log:
            claims = log.claim(left_open)
            assert (len(claims.mine), claims.lost) == (2, 1)


def test_log_of_another_format_is_refused_by_name(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE responses (identity TEXT)")
    with pytest.raises(UserError, match=r"responses.sqlite has format 0, and this version reads 2"):
        ResponseLog(path)


def test_full_disk_fails_loudly_and_keeps_what_was_committed(path: Path) -> None:
    log = ResponseLog(path)
    log.record(asked("a"), answer("A").model_copy(update={"identity": asked("a").identity}))
    log.flush()
    log._connection.execute("PRAGMA max_page_count = 1")  # SQLite's own name for a full disk
    with pytest.raises(UserError, match=r"cannot be written \(database or disk is full\).*kept"):
        for number in range(200):
            text = f"{number}" * 1000
            log.record(asked(text), answer(text).model_copy(update={"identity": asked(text).identity}))
    log._connection.execute("PRAGMA max_page_count = 1000000")
    log.close()
    assert answers(path, "a") == {"a": "A"}


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


# What was spent


def paid(failure: Failure, cost: float | None = 0.5) -> Outcome:
    return Outcome(identity="", failure=failure, detail="why", input_tokens=3, output_tokens=2, cost=cost)


def spent(path: Path, scope: str) -> tuple[float, int]:
    with closing(ResponseLog(path, scope)) as log:
        return log.spent()


def forget(path: Path, scope: str) -> None:
    with closing(ResponseLog(path, scope)) as log:
        log.forget_failures()


def test_what_failures_have_cost_stays_spent_however_often_they_are_forgotten(path: Path) -> None:
    for _ in range(3):
        record(path, ("a", paid("truncated")), ("b", paid("refused", cost=None)), ("c", answer("C")), scope="one")
        forget(path, "one")
    assert spent(path, "one") == (3 * 0.5 + 3 * 0.5, 3 * 5 + 3 * 5 + 3 * 5)


def test_what_a_failure_has_cost_stays_with_its_scope_when_another_scope_asks_anew(path: Path) -> None:
    record(path, ("a", paid("truncated")), scope="one")
    record(path, ("a", paid("truncated")), scope="two")
    record(path, ("a", answer("A")), scope="three")
    assert [spent(path, scope) for scope in ("one", "two", "three")] == [(0.5, 5)] * 3


def test_answer_that_comes_second_is_paid_for_too(path: Path) -> None:
    record(path, ("a", answer("A")), scope="one")
    record(path, ("a", answer("later")), scope="two")
    assert [spent(path, scope) for scope in ("one", "two")] == [(0.5, 5)] * 2
    assert answers(path, "a") == {"a": "A"}


def test_log_of_an_earlier_version_is_read_and_what_it_has_cost_begins_the_sum(path: Path) -> None:
    record(path, ("a", paid("truncated")), ("b", answer("B")), scope="one")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP VIEW ended; DROP TABLE displaced;")
    assert spent(path, "one") == (1.0, 10)
    forget(path, "one")
    assert (spent(path, "one"), answers(path, "a", "b")) == ((1.0, 10), {"b": "B"})
