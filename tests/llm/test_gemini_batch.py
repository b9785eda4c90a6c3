"""Gemini's batch mode, with the real SDK, against a server on loopback: one job, and never paid for twice."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from llm.engine import Engine
from llm.providers import gemini_batch, gemini_files, gemini_lines
from llm.providers.gemini import connect
from llm.request import MediaPart, Outcome, ProviderError, Reply, Request
from schemas.failures import BudgetReached
from schemas.llm import LlmLimits
from schemas.values import UserError
from tests.llm.scripted import asked
from tests.llm.talking import KEY, Talk, question, talking
from tests.llm.vendors.faults import Behaviour, Faulted
from tests.llm.vendors.question import Question
from tests.training.clips import keep, write_video


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    monkeypatch.setattr(gemini_batch, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(gemini_files, "POLL_SECONDS", 0.0)
    with talking(monkeypatch, Behaviour(polls=2)) as talk:
        yield talk


def ask(folder: Path, *requests: Request) -> list[Reply | ProviderError]:
    async def send() -> list[Reply | ProviderError]:
        provider = connect(folder / "state")
        try:
            return await provider.send_batch(requests, folder / "blobs")
        finally:
            await provider.close()

    return asyncio.run(send())


def questions(*texts: str, **changes: object) -> list[Request]:
    return [asked(text, provider="gemini").model_copy(update=changes) for text in texts]


def ends(answers: list[Reply | ProviderError]) -> list[str]:
    """Texts and failures."""
    return [answer.text if isinstance(answer, Reply) else answer.failure for answer in answers]


def echo(question: Question) -> str:
    return question.text.upper()


def test_answers_come_in_the_order_of_the_requests(talk: Talk, tmp_path: Path) -> None:
    talk.vendors.desk.say = echo
    assert ends(ask(tmp_path, *questions("b", "a", "c", "a"))) == ["B", "A", "C", "A"]
    assert (talk.vendors.batches.created, talk.vendors.counters.asked.total()) == (1, 3)


def test_request_is_the_same_as_by_itself(talk: Talk, tmp_path: Path) -> None:
    wanted = question(thinking=5, temperature=0.5, reply={"type": "object"})
    (answer,) = ask(tmp_path, wanted)
    body = talk.questions[0].body
    assert isinstance(answer, Reply) and (answer.finish, answer.input_tokens > 0) == ("STOP", True)
    assert body["contents"] == [{"role": "user", "parts": [{"text": "what?"}]}]
    assert body["generationConfig"] == {
        "temperature": 0.5,
        "maxOutputTokens": 13,
        "thinkingConfig": {"thinkingBudget": 5},
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


def test_each_model_has_a_job(talk: Talk, tmp_path: Path) -> None:
    talk.vendors.desk.say = lambda question: question.model
    requests = [*questions("a", model="one"), *questions("a", model="two"), *questions("b", model="one")]
    assert ends(ask(tmp_path, *requests)) == ["one", "two", "one"]
    assert talk.vendors.batches.created == 2


def test_failures_are_those_of_their_rows(talk: Talk, tmp_path: Path) -> None:
    def say(question: Question) -> str:
        if question.text == "fine":
            return "fine"
        raise Faulted(question.text)  # type: ignore[arg-type]

    talk.vendors.desk.say = say
    texts = ["blocked", "fine", "length", "bad_request", "error", "overloaded", "gone"]
    answers = ask(tmp_path, *questions(*texts))
    assert ends(answers) == ["refused", "fine", "truncated", "rejected", "unavailable", "overloaded", "unavailable"]


@pytest.mark.parametrize(("code", "failure"), [(3, "rejected"), (8, "overloaded"), (13, "unavailable")])
def test_status_of_a_line_may_be_numbered_as_grpc_does(code: int, failure: str) -> None:
    (request,) = questions("a")
    line = {"key": request.identity, "error": {"code": code, "message": f"for {KEY}"}}
    job = gemini_lines.Asked("m", {request.identity: request}, Path())
    (answer,) = gemini_lines.read_lines(json.dumps(line).encode(), job, SecretStr(KEY)).values()
    assert isinstance(answer, ProviderError) and answer.failure == failure
    assert KEY not in repr(answer) + answer.detail


def test_clip_is_uploaded_and_named_in_its_line(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini_lines, "_INLINE_BYTES", 0)
    path = write_video(tmp_path / "red.mp4", (220, 30, 30), None, seconds=1.0)
    part = MediaPart(kind="video", digest=keep(tmp_path / "blobs", path, "video").digest, end=0.5)
    (answer,) = ask(tmp_path, question(part))
    (medium,) = talk.questions[0].media
    assert isinstance(answer, Reply) and (medium.digest, bool(medium.file)) == (part.digest, True)
    assert medium.video == {"endOffset": "0.500s", "fps": 1.0}


def test_unreadable_medium_rejects_its_row_alone(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"no medium " * 50)
    junk = MediaPart(kind="video", digest=keep(tmp_path / "blobs", tmp_path / "junk", "video").digest)
    assert ends(ask(tmp_path, question(junk), *questions("a"))) == ["rejected", "fine"]
    assert ends(ask(tmp_path, question(junk))) == ["rejected"]
    assert talk.vendors.batches.created == 1


# What is killed and asked again


class Killed(Exception):
    """The process ends here."""


def kill_at(patch: pytest.MonkeyPatch, step: str) -> None:
    def die(*given: object, **named: object) -> None:
        raise Killed

    patch.setattr(gemini_batch.Batches, step, die)


def test_run_killed_while_it_waits_picks_up_its_job(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, "_wait")
        ask(tmp_path, *questions("a", "b"))
    assert ends(ask(tmp_path, *questions("b", "a"))) == ["fine", "fine"]
    assert (talk.vendors.batches.created, talk.uploads) == (1, 1)


def test_job_whose_name_was_lost_is_found_by_what_it_was_asked(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kept = gemini_batch.JobTable.keep

        def keep(jobs: gemini_batch.JobTable, digest: str, name: str = "") -> None:
            if name:
                raise Killed
            kept(jobs, digest, name)

        patch.setattr(gemini_batch.JobTable, "keep", keep)
        ask(tmp_path, *questions("a"))
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]
    assert talk.vendors.batches.created == 1


def test_job_that_was_never_made_is_made(talk: Talk, tmp_path: Path) -> None:
    talk.vendors.desk.behaviour = Behaviour(models=("other",))
    with pytest.raises(UserError, match="model 'm'"):
        ask(tmp_path, *questions("a"))
    talk.vendors.desk.behaviour = Behaviour()
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]


def test_answers_are_there_again_for_who_lost_them(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, *questions("a"))
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]
    assert (talk.vendors.batches.created, talk.vendors.counters.repeats) == (1, 0)


def test_other_requests_are_another_job(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, *questions("a", "b"))
    ask(tmp_path, *questions("a"))
    assert talk.vendors.batches.created == 2


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "EXPIRED"])
def test_job_that_ends_without_answers_is_made_anew_the_next_time(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, "_wait")
        ask(tmp_path, *questions("a"))
    talk.vendors.batches.lose(state)
    (lost,) = ask(tmp_path, *questions("a"))
    assert isinstance(lost, ProviderError) and (lost.failure, state in lost.detail) == ("unavailable", True)
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]
    assert talk.vendors.batches.created == 2


def test_job_in_which_everything_may_succeed_later_is_made_anew_the_next_time(talk: Talk, tmp_path: Path) -> None:
    talk.fault = "error"
    assert ends(ask(tmp_path, *questions("a"))) == ["unavailable"]
    talk.fault = None
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]


# A server that is away


def test_server_that_is_away_for_a_while_does_not_end_the_waiting(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(talk, monkeypatch, looks=3)
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]
    assert talk.vendors.batches.created == 1


def test_server_that_stays_away_ends_it_and_the_job_is_still_known(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(ProviderError) as caught:
        away(talk, patch, looks=gemini_batch.PATIENCE + 1)
        ask(tmp_path, *questions("a"))
    assert caught.value.failure == "overloaded"
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]
    assert talk.vendors.batches.created == 1


def away(talk: Talk, patch: pytest.MonkeyPatch, looks: int) -> None:
    """The first looks at a job find no server."""
    answer, left = talk.vendors.batches.answer, [looks]

    def refuse(method: str, name: str) -> object:
        left[0] -= 1
        if left[0] >= 0:
            raise Faulted("unavailable")
        return answer(method, name)

    patch.setattr(talk.vendors.batches, "answer", refuse)


def test_job_that_the_server_does_not_know_any_more_is_made_anew_the_next_time(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, "_wait")
        ask(tmp_path, *questions("a"))
    talk.vendors.batches.answer("DELETE", "batches/job-1")
    assert ends(ask(tmp_path, *questions("a"))) == ["unavailable"]
    assert ends(ask(tmp_path, *questions("a"))) == ["fine"]


def test_wrong_key_is_a_mistake_of_the_user(talk: Talk, tmp_path: Path) -> None:
    talk.vendors.desk.behaviour = Behaviour(api_keys=frozenset({"right"}))
    with pytest.raises(UserError, match="GEMINI_API_KEY") as caught:
        ask(tmp_path, *questions("a"))
    assert KEY not in str(caught.value)


# Through the engine


def complete(folder: Path, *requests: Request, **limits: object) -> list[Outcome]:
    bounds = LlmLimits.model_validate({"batch": True, "prices": {"m": {"input": 1e6, "output": 0}}} | limits)
    with closing(Engine(folder / "responses.sqlite", folder / "blobs", bounds, "scope")) as engine:

        async def ask() -> list[Outcome]:
            async with engine.connected():
                return await engine.complete(requests)

        return asyncio.run(ask())


def test_engine_asks_in_one_job_at_the_price_of_a_batch_and_logs_all_answers(talk: Talk, tmp_path: Path) -> None:
    talk.vendors.desk.say = echo
    outcomes = complete(tmp_path, *questions("a", "b", "c"))
    assert [outcome.text for outcome in outcomes] == ["A", "B", "C"]
    assert [outcome.cost for outcome in outcomes] == [outcome.input_tokens / 2 for outcome in outcomes]
    again = complete(tmp_path, *questions("a", "b", "c"))
    assert all(outcome.cached for outcome in again)
    assert talk.vendors.batches.created == 1


def test_job_that_does_not_fit_the_budget_is_not_made(talk: Talk, tmp_path: Path) -> None:
    with pytest.raises(BudgetReached):
        complete(tmp_path, *questions("a", "b", "c"), max_tokens=20)
    assert talk.vendors.batches.created == 0


def test_refusals_in_a_job_end_as_refusals(talk: Talk, tmp_path: Path) -> None:
    talk.vendors.desk.behaviour = Behaviour(polls=1, faults={"blocked": 1.0})
    assert [outcome.failure for outcome in complete(tmp_path, *questions("a", "b"))] == ["refused", "refused"]


def test_job_for_which_the_quota_was_spent_is_asked_for_anew_by_a_rerun(talk: Talk, tmp_path: Path) -> None:
    talk.fault = "quota"
    with pytest.raises(UserError, match="a rerun asks for the rest"):
        complete(tmp_path, *questions("a", "b"))
    talk.fault = None
    assert [outcome.text for outcome in complete(tmp_path, *questions("a", "b"))] == ["fine", "fine"]
    assert talk.vendors.batches.created == 2
