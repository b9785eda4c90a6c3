"""The accuracy reward: the gold answer scores 1 for every kind, and nothing hostile does."""

import pytest

from schemas.example import AnswerKind
from tests.training.rewards.examples import answered, example, replying, rollout, scores, values
from training.rewards import REWARDS
from training.rewards.accuracy import agreement

ACCURACY = REWARDS["accuracy"]
EXAMPLES = {
    "choice": example("choice", "B", ["red", "blue", "green"]),
    "multi_choice": example("multi_choice", "A,C", ["red", "blue", "green"]),
    "yes_no": example("yes_no", "yes"),
    "number": example("number", "1234.5"),
    "regression": example("regression", "0"),
    "ocr": example("ocr", "STOP, it's 3.14!"),
    "emotion_words": example("emotion_words", "angry,worried"),
    "free_text": example("free_text", "A red ball rolls left."),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_gold_answer_scores_one(kind: str) -> None:
    assert values(ACCURACY, EXAMPLES[kind], [answered(EXAMPLES[kind].answer)]) == [1.0]


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        ("choice", "b", 1.0),
        ("choice", "(B)", 1.0),
        ("choice", "B. blue", 1.0),
        ("choice", "blue", 1.0),
        ("choice", "A", 0.0),
        ("choice", "A or B", 0.0),
        ("choice", "B. red", 0.0),
        ("choice", "A,B,C", 0.0),
        ("choice", "Z", 0.0),
        ("multi_choice", "C, A", 1.0),
        ("multi_choice", "A", 2 / 3),
        ("multi_choice", "A,B,C", 0.8),
        ("multi_choice", "A,A,A", 2 / 3),
        ("multi_choice", "B", 0.0),
        ("yes_no", "Yes.", 1.0),
        ("yes_no", "yesterday", 0.0),
        ("yes_no", "yes no", 0.0),
        ("number", "1,234.5 kg", 1.0),
        ("number", "1234.52", 1.0),
        ("number", "1234.6", 0.0),
        ("number", "9e29", 0.0),
        ("number", "nan", 0.0),
        ("regression", "0.25", 0.75),
        ("regression", "-7", 0.0),
        ("regression", "inf", 0.0),
        ("ocr", "stop it's 3.14", 1.0),
        ("ocr", "stop it's 4.14", 2 / 3),
        ("emotion_words", "Worried and angry", 1.0),
        ("emotion_words", "angry, happy", 0.5),
    ],
)
def test_answer_scores_by_the_rule_of_its_kind(kind: str, answer: str, value: float) -> None:
    assert values(ACCURACY, EXAMPLES[kind], [answered(answer)]) == [pytest.approx(value)]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_missing_or_empty_answer_scores_zero(kind: str) -> None:
    hostile = ["", "<answer></answer>", "<answer>   </answer>", EXAMPLES[kind].answer, "<answer>"]
    assert values(ACCURACY, EXAMPLES[kind], [rollout(text) for text in hostile]) == [0.0] * 5


def test_regression_error_is_relative_to_the_gold_value() -> None:
    assert values(ACCURACY, example("regression", "-8"), [answered(text) for text in ("-6", "-8", "8")]) == [
        0.75,
        1.0,
        0.0,
    ]


def test_integer_gold_is_not_met_by_rounding() -> None:
    assert values(ACCURACY, example("number", "3"), [answered(text) for text in ("3.0", "3.4", "three")]) == [
        1.0,
        0.0,
        0.0,
    ]


def test_text_without_spaces_is_compared_by_characters() -> None:
    rollouts = [answered("出口左侧"), answered("出口 左侧。"), answered("出口右侧")]
    assert values(ACCURACY, example("ocr", "出口左侧"), rollouts) == [1.0, 1.0, 0.75]


def test_flood_of_words_is_refused_at_once() -> None:
    gold = "stop here and turn left " * 2_000  # a table of both would hold 10 ** 10 cells
    assert values(ACCURACY, example("ocr", gold), [answered("stop " * 1_000_000)]) == [0.0]


def test_only_free_text_that_differs_is_judged() -> None:
    asked: list[str] = []

    def reply(request: object) -> str:
        asked.append(request.fields["answer"])  # type: ignore[attr-defined]
        return '{"score": 3}'

    rollouts = [answered("a red ball rolls left"), answered("A ball moves."), answered("")]
    result = scores(ACCURACY, EXAMPLES["free_text"], rollouts, replying(reply))
    assert [score.value for score in result] == [1.0, 0.6, 0.0]
    assert [score.judged for score in result] == [False, True, False]
    assert asked == ["A ball moves."]


def test_free_text_without_a_judge_is_not_known() -> None:
    (score,) = scores(ACCURACY, EXAMPLES["free_text"], [answered("A ball moves.")])
    assert score.value is None and score.reason == "no judge"


def test_unknown_answer_kind_raises() -> None:
    kind: AnswerKind = "telepathy"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="telepathy"):
        agreement(kind, "A", "A")
