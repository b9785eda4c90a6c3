"""The accuracy reward: the gold answer scores 1 for every kind, and nothing hostile does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.example import AnswerKind
from schemas.numbers import plain_decimal
from tests.training.rewards.examples import answered, example, replying, rollout, scores, values
from training.rewards import REWARDS
from training.rewards.accuracy import agreement, word_accuracy

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
        ("choice", "The answer is B.", 1.0),
        ("choice", "Option B", 1.0),
        ("choice", "The answer is A or B", 0.0),
        ("multi_choice", "C, A", 1.0),
        ("multi_choice", "A", 2 / 3),
        ("multi_choice", "A,B,C", 0.8),
        ("multi_choice", "A,A,A", 2 / 3),
        ("multi_choice", "B", 0.0),
        ("multi_choice", " c ,a, A ,c", 1.0),
        ("multi_choice", "A,B,C,D", 0.0),
        ("multi_choice", "red and green", 1.0),
        ("yes_no", "Yes.", 1.0),
        ("yes_no", "yesterday", 0.0),
        ("yes_no", "yes no", 0.0),
        ("yes_no", "yes and no", 0.0),
        ("yes_no", "No", 0.0),
        ("number", "1,234.5 kg", 1.0),
        ("number", "1234.52", 1.0),
        ("number", "1234.6", 0.0),
        ("number", "9e29", 0.0),
        ("number", "1.2345e3", 1.0),
        ("number", "1.2345 thousand", 1.0),
        ("number", "$1,234.50", 1.0),
        ("number", "1234.5%", 1.0),
        ("number", "1234,5", 0.0),
        ("number", "1234.5k", 0.0),
        ("number", "-1234.5", 0.0),
        ("number", "1234.5 or 7", 0.0),
        ("number", "nan", 0.0),
        ("regression", "0.25", 0.75),
        ("regression", "-7", 0.0),
        ("regression", "inf", 0.0),
        ("regression", "-0.0", 1.0),
        ("regression", "1e-30", pytest.approx(1.0)),
        ("regression", "1e30", 0.0),
        ("ocr", "stop it's 3.14", 1.0),
        ("ocr", "stop it's 4.14", 2 / 3),
        ("emotion_words", "Worried and angry", 1.0),
        ("emotion_words", "angry, happy", 0.5),
        ("emotion_words", "furious; anxious", 1.0),
        ("emotion_words", "anger, worry", 1.0),
        ("emotion_words", "annoyed, afraid", 0.0),
        ("emotion_words", "angry, mad, furious", 2 / 3),
        ("emotion_words", "angry, worried, sad, happy, calm, shy", 0.5),
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


@pytest.mark.parametrize(
    ("gold", "answer", "value"),
    [
        ("happy", "joyful", 1.0),
        ("happy,joyful", "glad", 1.0),
        ("happy", "satisfied", 0.0),
        ("happy", "unhappy", 0.0),
        ("gruntled", "Gruntled", 1.0),
        ("gruntled", "joy", 0.0),
        ("joy", "happy", 1.0),
        ("fed up", "irritated", 1.0),
    ],
)
def test_emotion_is_met_by_a_word_of_its_meaning_and_by_no_near_one(gold: str, answer: str, value: float) -> None:
    assert values(ACCURACY, example("emotion_words", gold), [answered(answer)]) == [value]


@pytest.mark.parametrize(
    ("gold", "answer", "value"),
    [
        ("CAFÉ", "cafe\u0301", 1.0),
        ("Exit — left", "EXIT left", 1.0),
        ("ＡＢＣ", "abc", 1.0),
        ("one two three four", "one three four", 0.75),
        ("one two", "one two three", 0.5),
        ("one two", "two one", 0.0),
        ("東京タワー", "東京タワ", 0.8),
        ("ทางออก", "ทางอ", pytest.approx(2 / 3)),
        ("출구 왼쪽", "출구 오른쪽", 0.5),
        ("iPhone 15 发布", "iphone 15 发售", 0.75),
        ("?", "!", 0.0),
        ("?", "?", 1.0),
    ],
)
def test_text_is_compared_by_units_of_its_script(gold: str, answer: str, value: float) -> None:
    assert values(ACCURACY, example("ocr", gold), [answered(answer)]) == [value]


@given(st.text("abé字 ", max_size=12), st.text("abé字 ", min_size=1, max_size=12).filter(str.strip))
def test_word_accuracy_counts_the_fewest_edits(answer: str, gold: str) -> None:
    wrote, wanted = ([*text.replace("字", " 字 ").split()] for text in (answer, gold))
    assert word_accuracy(answer, gold) == pytest.approx(max(0.0, 1 - fewest_edits(wrote, wanted) / len(wanted)))


numerals = st.from_regex(r"-?[0-9]{1,9}(\.[0-9]{1,9})?(e-?(30|[0-9]))?( trillion)?", fullmatch=True)


@given(numerals, numerals)
def test_any_two_numbers_are_compared(answer: str, gold: str) -> None:
    wrote, wanted = plain_decimal(answer), plain_decimal(gold)
    assert wrote and wanted
    for kind in ("number", "regression"):
        assert 0.0 <= agreement(kind, wrote, wanted) <= 1.0
        assert agreement(kind, wanted, wanted) == 1.0


def fewest_edits(left: list[str], right: list[str]) -> int:
    """By the definition of the distance, ends first."""
    if not (left and right):
        return len(left) + len(right)
    if left[-1] == right[-1]:
        return fewest_edits(left[:-1], right[:-1])
    shorter = (left[:-1], right), (left, right[:-1]), (left[:-1], right[:-1])
    return 1 + min(fewest_edits(*pair) for pair in shorter)


def test_long_texts_are_compared_at_once() -> None:
    gold = "".join(chr(0x4E00 + number % 997) for number in range(10_000))
    assert values(ACCURACY, example("ocr", gold), [answered(gold[::-1]), answered(gold[1:])])[1] == 0.9999


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
