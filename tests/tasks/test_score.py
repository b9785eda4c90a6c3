"""Scoring by rule: what was answered, what was not, and what is not known stay apart."""

from pathlib import Path

import pytest

from schemas.completion import render
from schemas.example import Option
from schemas.recipe import Families
from schemas.runtime import Runtime
from schemas.tables import JUDGEMENTS
from storage.draft import Draft
from storage.parquet import read_rows, shard_name, write_rows
from storage.store import Store
from tasks.score import Judged, ScoreParams, chance, score, score_group
from tasks.stage import stage
from tests.stages import Note, example, made, rows_of
from tests.tasks.test_judge import Texts, predicted
from training.rewards.contract import RewardScore

PARAMS = ScoreParams(format="context_first")
FOUR = tuple(Option(label=label, text=f"text {label}") for label in "ABCD")


def scored(text: str, error: str | None = None, judged: Judged = {}, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": "made/1",
        "draw": 0,
        "text": text,
        "tokens": 3,
        "truncated": False,
        "load_error": error,
    }
    (found,) = score_group("bench", example("1", **changes), [row], PARAMS, judged)
    return found


def text(answer: str) -> str:
    return render("A scene.", "So.", answer)


@pytest.mark.parametrize(
    ("completion", "outcome", "value", "given", "well_formed"),
    [
        (text("A"), "answered", 1.0, "A", True),
        (text("red"), "answered", 1.0, "A", True),
        (text("B"), "answered", 0.0, "B", True),
        (text("A or B"), "answered", 0.0, "A or B", True),
        ("<answer>A</answer>", "answered", 1.0, "A", False),
        ("", "unanswered", 0.0, "", False),
        ("A", "unanswered", 0.0, "", False),
        (text(" "), "unanswered", 0.0, "", False),
    ],
)
def test_completion_is_scored_by_rule(
    completion: str, outcome: str, value: float, given: str, well_formed: bool
) -> None:
    row = scored(completion)
    assert (row["outcome"], row["value"], row["given"], row["well_formed"]) == (outcome, value, given, well_formed)
    assert dict(row["rewards"]) == {"accuracy": value, "format": float(well_formed)}  # type: ignore[call-overload]


def test_unreadable_media_are_no_answer_and_no_zero() -> None:
    row = scored("", error="gone.mp4 is not in the folder")
    assert (row["outcome"], row["value"], row["rewards"]) == ("load_error", None, [])


FREE: dict[str, object] = {"answer_kind": "free_text", "options": (), "answer": "a red square"}


def test_free_text_takes_what_the_judge_said() -> None:
    judged = {("made/1", 0, "accuracy"): RewardScore(value=0.6)}
    row = scored(text("it is red"), judged=judged, **FREE)
    assert (row["outcome"], row["value"]) == ("answered", 0.6)


def test_free_text_that_nobody_judged_is_unjudged_and_no_zero() -> None:
    for judged in ({}, {("made/1", 0, "accuracy"): RewardScore(value=None, reason="judge timeout")}):
        row = scored(text("it is red"), judged=judged, **FREE)
        assert (row["outcome"], row["value"], row["given"]) == ("unjudged", None, "it is red")
        assert "accuracy" not in dict(row["rewards"])  # type: ignore[call-overload]


def test_judgement_of_another_draw_or_reward_is_not_taken() -> None:
    judged = {("made/1", 1, "accuracy"): RewardScore(value=1.0), ("made/1", 0, "context"): RewardScore(value=1.0)}
    assert scored(text("it is red"), judged=judged, **FREE)["outcome"] == "unjudged"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.5),
        ({"options": FOUR}, 0.25),
        ({"options": FOUR, "answer_kind": "multi_choice", "answer": "A,B"}, 1 / 3),
        ({"options": (), "answer_kind": "yes_no", "answer": "no"}, 0.5),
        ({"options": (), "answer_kind": "number", "answer": "4"}, 0.0),
        ({"options": (), "answer_kind": "emotion_words", "answer": "angry"}, 0.0),
        (FREE, 0.0),
    ],
)
def test_chance_is_what_naming_one_label_at_random_would_score(changes: dict[str, object], expected: float) -> None:
    assert chance(example("1", **changes)) == pytest.approx(expected)


def test_row_is_sorted_into_its_family() -> None:
    params = PARAMS.model_copy(update={"families": {"bench": Families(field="type", values={"what": "picture"})}})
    row = {"draw": 0, "text": text("A"), "tokens": 3, "truncated": False, "load_error": None}
    families = [
        (found["category"], found["family"])
        for type_ in ("what", "when", None)
        for found in score_group("bench", example("1", categories={"type": type_} if type_ else {}), [row], params, {})
    ]
    assert families == [("what", "picture"), ("when", "other"), ("", "other")]


@stage(version="1", kind="scores")
def judgements(draft: Draft, params: Note, runtime: Runtime) -> None:
    rows: list[dict[str, object]] = [
        {"id": "made/2", "draw": 0, "reward": "accuracy", "value": 0.4, "reason": ""},
        {"id": "made/3", "draw": 0, "reward": "accuracy", "value": None, "reason": "judge timeout"},
    ]
    write_rows(draft.folder / shard_name("judgements", 0), rows, JUDGEMENTS)


def test_every_prediction_is_scored_once_with_its_benchmark(tmp_path: Path) -> None:
    runtime = Runtime(store=str(tmp_path / "store"))
    benchmarks = {
        "one": rows_of(runtime, example("1"), example("2", **FREE)),
        "two": rows_of(runtime, example("3", **FREE), example("4")),
    }
    texts = [(f"made/{number}", text("A" if number in (1, 4) else "red"), None) for number in (1, 2, 3, 4)]
    predictions = made(predicted(Texts(rows=tuple(texts)), runtime))
    artifact = made(score.fn(PARAMS, benchmarks, predictions, made(judgements(Note(text=""), runtime)), runtime))
    rows = list(read_rows(Store(runtime.store).folder(artifact), "scores"))
    assert [(row["benchmark"], row["outcome"], row["value"]) for row in rows] == [
        ("one", "answered", 1.0),
        ("one", "answered", 0.4),
        ("two", "unjudged", None),
        ("two", "answered", 1.0),
    ]
    counts = Store(runtime.store).manifest(artifact).rows
    assert (counts.entered, counts.left) == (4, 4)
