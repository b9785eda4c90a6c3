"""Scoring by rule: what was answered, what was not, and what is not known stay apart."""

import inspect
import re
from pathlib import Path

import pytest

from schemas.completion import render
from schemas.evaluation import Families
from schemas.example import Option
from schemas.runtime import Runtime
from schemas.tables import JUDGEMENTS
from schemas.values import UserError
from storage.draft import Draft
from storage.parquet import read_rows, shard_name, write_rows
from storage.store import Store
from tasks.benchmarks import BENCHMARKS
from tasks.score import Judged, ScoreParams, chance, score, score_group
from tasks.scoring.metrics import METRICS
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


def test_truncated_completion_keeps_its_answer_and_not_its_format() -> None:
    row = {"draw": 0, "text": text("A") + "\n", "tokens": 3, "truncated": True, "load_error": None}
    (found,) = score_group("bench", example("1"), [row], PARAMS, {})
    assert (found["value"], found["well_formed"]) == (1.0, True)
    assert dict(found["rewards"]) == {"accuracy": 1.0, "format": 0.0}  # type: ignore[call-overload]


def test_answer_is_kept_as_it_was_read_and_scored_by_its_meaning() -> None:
    said = text("The answer is: Furious, anxious")
    row = scored(said, answer_kind="emotion_words", options=(), answer="angry,worried")
    assert (row["outcome"], row["value"], row["given"]) == ("answered", 1.0, "anxious,furious")


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
    """What a judge said of `made/2` and `made/3`, or, where the note says so, nothing."""
    rows: list[dict[str, object]] = [
        {"id": "made/2", "draw": 0, "reward": "accuracy", "value": 0.4, "reason": ""},
        {"id": "made/3", "draw": 0, "reward": "accuracy", "value": None, "reason": "judge timeout"},
    ]
    write_rows(draft.folder / shard_name("judgements", 0), [] if params.text == "nothing" else rows, JUDGEMENTS)


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
    twice = {**benchmarks, "three": benchmarks["one"]}
    with pytest.raises(UserError, match="row made/1 is in one and in three"):
        score.fn(PARAMS, twice, predictions, made(judgements(Note(text=""), runtime)), runtime)
    judged = list(read_rows(Store(runtime.store).folder(artifact), "judged"))
    assert [(row["benchmark"], row["asked"], row["known"], row["value"], row["unknown"]) for row in judged] == [
        ("one", 1, 1, 0.4, []),
        ("two", 1, 0, None, [("judge timeout", 1)]),
    ]


def test_reward_that_only_a_judge_gives_is_known_where_it_was_judged() -> None:
    params = PARAMS.model_copy(update={"rewards": ("context", "logic")})
    judged = {("made/1", 0, "context"): RewardScore(value=0.8), ("made/1", 0, "logic"): RewardScore(value=None)}
    for completion in (text("A"), "<answer>A</answer>"):
        row = {"draw": 0, "text": completion, "tokens": 3, "truncated": False, "load_error": None}
        (asked,), (not_asked,) = (score_group("bench", example("1"), [row], params, each) for each in (judged, {}))
        assert dict(asked["rewards"]) == {"accuracy": 1.0, "context": 0.8}  # type: ignore[call-overload]
        assert dict(not_asked["rewards"]) == {"accuracy": 1.0}  # type: ignore[call-overload]


def test_benchmark_that_is_answered_in_another_format_is_read_in_it() -> None:
    params = PARAMS.model_copy(update={"formats": {"bare": "direct"}})
    row = {"draw": 0, "text": "A", "tokens": 3, "truncated": False, "load_error": None}
    found = [score_group(name, example("1"), [row], params, {})[0]["outcome"] for name in ("bare", "bench")]
    assert found == ["answered", "unanswered"]


def test_official_table_lies_beside_the_scores(tmp_path: Path) -> None:
    runtime = Runtime(store=str(tmp_path / "store"))
    types = {"5": "why", "6": "why", "7": "how", "8": "how"}
    asked = [
        example(id, source="intentbench", categories={"type": type_}, group=f"clip {type_}")
        for id, type_ in types.items()
    ]
    benchmarks = {"intents": rows_of(runtime, *asked), "own": rows_of(runtime, example("9"))}
    texts = (
        ("made/5", text("A"), None),
        ("made/6", text("purple"), None),
        ("made/7", "", None),
        ("made/8", "", "gone.mp4 is not in the folder"),
        ("made/9", text("A"), None),
    )
    predictions = made(predicted(Texts(rows=texts), runtime))
    unjudged = made(judgements(Note(text="nothing"), runtime))
    artifact = made(score.fn(PARAMS, benchmarks, predictions, unjudged, runtime))
    names = ("benchmark", "breakdown", "category", "n", "unanswered", "unread", "load_errors", "value", "of_answered")
    rows = list(read_rows(Store(runtime.store).folder(artifact), "metrics"))
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("intents", "all", "", 3, 1, 1, 1, pytest.approx(1 / 3), 0.5),
        ("intents", "type", "why", 2, 0, 1, 0, 0.5, 0.5),
        ("intents", "type", "how", 1, 1, 0, 1, 0.0, None),
        ("own", "all", "", 1, 0, 0, 0, 1.0, 1.0),
    ]
    assert {row["average"] for row in rows} == {"questions"}
    assert [row["low"] is None for row in rows] == [False, True, True, True]


@pytest.mark.parametrize("name", METRICS)
def test_categories_of_a_metric_are_those_its_reader_writes(name: str) -> None:
    reader = Path(inspect.getfile(BENCHMARKS[name].rows)).read_text()
    for part in METRICS[name].breakdowns:
        assert re.search(rf'{part.category}="{part.raw}"', reader) or f'{{"{part.category}": length}}' in reader
