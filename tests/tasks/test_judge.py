"""The judge stage: scores where a judge gave one, a null with its reason where it failed, and a stop in an outage."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from llm.request import ProviderError, Request
from schemas.artifact import Artifact
from schemas.completion import render
from schemas.example import Example
from schemas.failures import NoAnswer
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from schemas.tables import PREDICTIONS
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import read_rows, shard_name, write_rows
from storage.store import Store
from tasks.judge import JudgeParams, drawn, judge
from tasks.stage import stage
from tests.llm.scripted import Scripted, scripted, scripted_jobs
from tests.stages import example, made, rows_of

JUDGE = Llm(provider="scripted", model="m")


class Texts(Params):
    """(id, text, load error) of each completion."""

    rows: tuple[tuple[str, str, str | None], ...]


@stage(version="1", kind="predictions")
def predicted(draft: Draft, params: Texts, runtime: Runtime) -> None:
    rows: list[dict[str, object]] = [
        {"id": id, "draw": 0, "prompt": "", "text": text, "tokens": 3, "truncated": False, "load_error": error}
        for id, text, error in params.rows
    ]
    write_rows(draft.folder / shard_name("predictions", 0), rows, PREDICTIONS)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


def spoken(id: str, **changes: object) -> Example:
    return example(id, answer_kind="free_text", options=(), answer="a red square", **changes)


def judged(runtime: Runtime, rows: Artifact, *texts: tuple[str, str, str | None], **changes: object) -> Artifact:
    predictions = made(predicted(Texts(rows=texts), runtime))
    params = JudgeParams.model_validate({"judge": JUDGE, "format": "context_first", **changes})
    return made(judge.fn(params, {"bench": rows}, predictions, runtime))


def table(runtime: Runtime, artifact: Artifact) -> list[tuple[object, ...]]:
    rows = read_rows(Store(runtime.store).folder(artifact), "judgements")
    return [(row["id"], row["reward"], row["value"], row["reason"]) for row in rows]


def scoring(score: float) -> Callable[[Request], str]:
    return lambda _request: json.dumps({"score": score})


def text(answer: str) -> str:
    return render("A scene.", "So.", answer)


def test_free_text_alone_is_judged_for_its_answer(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = scripted(monkeypatch, scoring(4))
    rows = rows_of(runtime, spoken("1"), example("2"))
    artifact = judged(runtime, rows, ("made/1", text("it is red"), None), ("made/2", text("A"), None))
    assert table(runtime, artifact) == [("made/1", "accuracy", 0.8, "")]
    assert len(provider.sent) == 1


def test_rules_that_need_no_judge_are_not_asked(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = scripted(monkeypatch, scoring(4))
    rows = rows_of(runtime, spoken("1"), spoken("2"), spoken("3"))
    artifact = judged(
        runtime, rows, ("made/1", text("A red square."), None), ("made/2", "", None), ("made/3", "", "gone.mp4")
    )
    assert table(runtime, artifact) == [("made/1", "accuracy", 1.0, ""), ("made/2", "accuracy", 0.0, "")]
    assert provider.sent == []


def test_asked_rewards_are_judged_for_every_completion(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, scoring(5))
    rows = rows_of(runtime, example("1", context="A red square."))
    artifact = judged(runtime, rows, ("made/1", text("A"), None), rewards=("context",))
    assert table(runtime, artifact) == [("made/1", "context", 1.0, "")]


def test_sample_is_the_same_questions_for_every_model_and_free_text_is_judged_beside_it(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, scoring(5))
    rows = rows_of(runtime, *(example(str(number), context="A red square.") for number in range(20)), spoken("free"))
    asked = []
    for said in ("A", "B"):
        texts = [(f"made/{number}", text(said), None) for number in range(20)]
        judgements = judged(
            runtime, rows, *texts, ("made/free", text("it is red"), None), rewards=("context", "logic"), sample=5
        )
        asked.append({(row[0], row[1]) for row in table(runtime, judgements) if row[1] != "accuracy"})
        assert ("made/free", "accuracy") in {(row[0], row[1]) for row in table(runtime, judgements)}
    assert asked[0] == asked[1] and len({id for id, _ in asked[0]}) == 5 and len(asked[0]) == 10


def test_sample_is_drawn_by_its_seed_and_holds_what_there_is() -> None:
    ids = [f"made/{number}" for number in range(50)]
    assert drawn(ids, 10, 0) == drawn(reversed(ids), 10, 0) != drawn(ids, 10, 1)
    assert drawn(ids, 10, 0) < drawn(ids, 20, 0)
    assert drawn(ids, None, 0) == drawn(ids, 60, 0) == set(ids)
    assert drawn(ids, 10, 0, last=ids[:42]) > set(ids[42:])


def test_sample_of_contexts_takes_clips_that_have_one_to_compare_with_first(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, scoring(5))
    rows = rows_of(runtime, *(example(str(number), context="A square." * (number in (7, 9))) for number in range(20)))
    texts = [(f"made/{number}", text("A"), None) for number in range(20)]
    found = table(runtime, judged(runtime, rows, *texts, rewards=("context",), sample=3))
    assert [row for row in found if row[3] == ""] == [(f"made/{n}", "context", 1.0, "") for n in (7, 9)]
    assert len(found) == 3


def test_context_without_a_reference_or_of_another_format_is_not_known_and_says_why(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = scripted(monkeypatch, scoring(5))
    rows = rows_of(runtime, example("1"))
    artifact = judged(runtime, rows, ("made/1", text("A"), None), rewards=("context",))
    assert table(runtime, artifact) == [("made/1", "context", None, "no reference")]
    bare = judged(runtime, rows, ("made/1", "A", None), rewards=("logic", "context"), formats={"bench": "direct"})
    assert {row[1:] for row in table(runtime, bare)} == {
        ("logic", None, "no think in this format"),
        ("context", None, "no context in this format"),
    }
    assert provider.sent == []


@pytest.mark.parametrize("reply", ["no number", '{"score": "high"}', "{}"])
def test_reply_without_a_score_is_a_null_with_its_reason_and_never_a_zero(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    scripted(monkeypatch, lambda _request: reply)
    artifact = judged(runtime, rows_of(runtime, spoken("1")), ("made/1", text("it is red"), None))
    assert table(runtime, artifact) == [("made/1", "accuracy", None, "judge unparsable")]
    store = Store(runtime.store)
    assert store.manifest(artifact).notes == {"unknown": 1}
    with closing(sqlite3.connect(store.responses)) as log:
        assert log.execute("SELECT failure, text FROM responses").fetchall() == [("unparsable", None)]


def refusing(_request: Request) -> str:
    raise ProviderError("refused", "a safety block")


def test_refused_call_is_a_null_with_its_reason(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, refusing)
    artifact = judged(runtime, rows_of(runtime, spoken("1")), ("made/1", text("it is red"), None))
    assert table(runtime, artifact) == [("made/1", "accuracy", None, "judge refused")]


def test_judge_that_cannot_be_reached_fails_the_stage_and_a_rerun_asks_only_for_the_rest(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(request: Request) -> str:
        if "blue" in request.fields["answer"]:
            raise ProviderError("unavailable", "no route", 0.0)
        return json.dumps({"score": 4})

    scripted(monkeypatch, half)
    rows = rows_of(runtime, spoken("1"), spoken("2"))
    texts = (("made/1", text("it is red"), None), ("made/2", text("it is blue"), None))
    with pytest.raises(NoAnswer, match="1 of 1 requests got no answer"):
        judged(runtime, rows, *texts)
    assert "judge" not in {manifest.stage for manifest in Store(runtime.store).manifests()}
    provider: Scripted = scripted(monkeypatch, scoring(1))
    artifact = judged(runtime, rows, *texts)
    assert [row[2] for row in table(runtime, artifact)] == [0.8, 0.2]
    assert len(provider.sent) == 1


def test_judge_is_asked_one_by_one_even_where_stages_that_ask_by_shards_ask_in_jobs(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = scripted_jobs(monkeypatch, scoring(4))
    batching = runtime.model_copy(update={"llm": LlmLimits(batch=True)})
    artifact = judged(batching, rows_of(runtime, spoken("1")), ("made/1", text("it is red"), None))
    assert table(runtime, artifact) == [("made/1", "accuracy", 0.8, "")]
    assert (len(provider.sent), provider.jobs) == (1, [])
