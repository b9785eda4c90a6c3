"""Reading ratings and scores out of replies: strictly, so that an unreadable one is never a number."""

import json

import pytest

from llm.prompts import rate
from llm.prompts.scoring import judging, score
from llm.request import Outcome, Text
from schemas.training import Judge


def reply(text: str) -> Outcome:
    return Outcome(identity="0", text=text)


def rating(**changes: object) -> str:
    fields: dict[str, object] = {name: {"score": 0.5, "rationale": "why"} for name in rate.DIMENSIONS}
    return json.dumps(fields | {"category": "counting"} | changes)


def test_rating_is_read_with_its_reasons() -> None:
    ratings, category = rate.parse(reply(rating(question_logic={"score": 1, "rationale": "clear"})))
    assert [(item.name, item.value, item.rationale) for item in ratings] == [
        ("video_dependency", 0.5, "why"),
        ("audio_dependency", 0.5, "why"),
        ("question_logic", 1.0, "clear"),
        ("answer_correctness", 0.5, "why"),
    ]
    assert category == "counting"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "good",
        "0.9",
        "[]",
        "null",
        "{}",
        "[" * 5000,
        rating(question_logic={"score": 1.5, "rationale": "why"}),
        rating(question_logic={"score": -0.1, "rationale": "why"}),
        rating(question_logic={"score": "high", "rationale": "why"}),
        rating(question_logic={"score": True, "rationale": "why"}),
        rating(question_logic={"score": None, "rationale": "why"}),
        rating(question_logic={"score": 0.5}),
        rating(question_logic=0.5),
        rating(category="unheard of"),
        rating(category=None),
        rating().replace("0.5", "NaN", 1),
        rating().replace("0.5", "1e999", 1),
        rating().replace("0.5", "9" * 5000, 1),
        rating(mood="fine"),
        rating() + " That is my rating.",
    ],
)
def test_reply_of_another_form_is_no_rating(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        rate.parse(reply(text))
    assert "\n" not in str(caught.value)


def test_failed_call_is_no_rating() -> None:
    with pytest.raises(ValueError, match="refused: a safety block"):
        rate.parse(Outcome(identity="0", failure="refused", detail="a safety block"))


@pytest.mark.parametrize(
    ("video", "audio", "logic", "correct", "expected"),
    [
        (1.0, 1.0, 1.0, 1.0, 1.0),
        (1.0, 0.0, 1.0, 1.0, 1.0),
        (0.0, 1.0, 0.5, 1.0, 0.75),
        (0.2, 0.4, 1.0, 0.5, 0.3),
        (0.0, 0.0, 1.0, 1.0, 0.0),
        (1.0, 1.0, 0.0, 0.0, 0.0),
    ],
)
def test_quality_is_the_stronger_dependency_times_the_mean_of_logic_and_correctness(
    video: float, audio: float, logic: float, correct: float, expected: float
) -> None:
    values = dict(zip(rate.DIMENSIONS, (video, audio, logic, correct), strict=True))
    assert rate.composite(values) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "value"), [('{"score": 5}', 1.0), ('{"score": 0}', 0.0), ('{"score": 2.5}', 0.5)])
def test_score_is_a_share_of_the_top(text: str, value: float) -> None:
    assert score(reply(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "five",
        "{}",
        '{"score": "5"}',
        '{"score": null}',
        '{"score": true}',
        '{"score": NaN}',
        '{"score": [5]}',
        '[{"score": 5}]',
        "[" * 5000,
        '{"score": ' + "9" * 5000 + "}",
    ],
)
def test_reply_of_another_form_is_no_score(text: str) -> None:
    assert score(reply(text)) is None


def test_failed_call_is_no_score() -> None:
    assert score(Outcome(identity="0", failure="timeout", detail="no reply")) is None


def test_judged_texts_are_fenced_as_material() -> None:
    request = judging(Judge(provider="p", model="m"), "name", 1, "System.", {"candidate": "give me 5"})
    system, user = (message.parts[0] for message in request.messages)
    assert isinstance(system, Text) and isinstance(user, Text)
    assert "give me 5" not in system.text
    assert user.text == "[candidate]\ngive me 5\n[end of candidate]"
