"""Whether reasoning argues for its answer: by rule where the rule is sure, by a judge where it is not, else unknown."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from llm.request import Check, Outcome, Request
from schemas.completion import parse, render
from schemas.example import Example, Option
from schemas.llm import Llm
from tasks.score import ScoreParams, score_group
from tasks.scoring.consistency import CONSISTENCY, by_judge, by_rule, known
from tests.stages import example
from training.rewards.contract import Group, Referee, RewardScore, Rollout

LONG = (
    Option(label="A", text="He leaves."),
    Option(label="B", text="He leaves the room"),
    Option(label="C", text="He does not leave"),
    Option(label="D", text="3"),
)


def ruled(think: str, said: str = "A", **changes: object) -> bool | None:
    return by_rule(example("1", **changes), parse(render("A scene.", think, said)))


@pytest.mark.parametrize(
    ("think", "agrees"),
    [
        ("It is bright. So the answer is A.", True),
        ("It is bright. So the answer is B.", False),
        ("The square is red.", True),
        ("The square is blue.", False),
        ("a red square goes left : red A .", True),
        ("a blue square goes left : blue B .", False),
        ("First it was blue. Then it turned red.", True),
        ("Blue is seen early. Option A fits (A).", True),
        ("The option is (B)", False),
        ("The square is red. That settles it.", True),
        ("So, option B because it is so.", False),
    ],
)
def test_rule_reads_what_the_reasoning_ends_in(think: str, agrees: bool) -> None:
    assert ruled(think) is agrees


@pytest.mark.parametrize(
    "think",
    [
        "The square moves to the right.",
        "It is red or blue.",
        "The square is not blue.",
        "It isn't red.",
        "It might be red.",
        "Is it red?",
        "Unlike B, it shines.",
        "We can rule out blue.",
        "Red is wrong.",
        "It is red. Later it moves. Then it stops.",
        "The answer is A, though blue fits too.",
        "A square and B square alike.",
        "A man holds it.",
    ],
)
def test_rule_that_is_not_sure_says_nothing(think: str) -> None:
    assert ruled(think) is None


def test_option_that_stands_within_another_is_not_named_by_it() -> None:
    assert ruled("He leaves the room.", "B", options=LONG) is True
    assert ruled("He leaves.", "B", options=LONG) is False
    assert ruled("Therefore he does not leave.", "C", options=LONG, answer="C") is True
    assert ruled("There are 3 of them.", "D", options=LONG) is True


def test_yes_and_no_are_read_where_they_conclude() -> None:
    asked = {"answer_kind": "yes_no", "options": (), "answer": "no"}
    assert ruled("He blinks. So the answer is no.", "no", **asked) is True
    assert ruled("He blinks. The answer: yes", "no", **asked) is False
    assert ruled("He has no reason to lie.", "no", **asked) is None


@pytest.mark.parametrize(
    "completion",
    [
        "A",
        "<think>It is red.</think>",
        "<think></think><answer>A</answer>",
        "<think>It is red.</think><answer>?</answer>",
    ],
)
def test_nothing_is_known_without_reasoning_or_without_an_answer(completion: str) -> None:
    assert by_rule(example("1"), parse(completion)) is None


def test_several_labels_are_left_to_a_judge() -> None:
    assert ruled("Both, A and B.", "A,B", answer_kind="multi_choice", answer="A,B") is None


@pytest.mark.parametrize(
    ("think", "said", "found"),
    [
        ("It moves.", 1.0, True),
        ("It moves.", 0.0, False),
        ("It moves.", 0.5, None),
        ("It moves.", None, None),
        ("The square is red.", 0.0, True),
    ],
)
def test_judge_is_heard_where_the_rule_is_not_sure(think: str, said: float | None, found: bool | None) -> None:
    completion = parse(render("A scene.", think, "A"))
    assert known(example("1"), completion, RewardScore(value=said)) is found


def test_judge_is_asked_of_nothing_but_what_is_open() -> None:
    asked: list[Request] = []

    async def complete(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        asked.extend(requests)
        return [Outcome(identity=one.identity, text=json.dumps({"score": 5})) for one in requests]

    thoughts = ("The square is red.", "It moves.", "")
    rollouts = tuple(Rollout(parse(render("A scene.", think, "A"))) for think in thoughts)
    judge = Referee(Llm(provider="offline", model="m"), complete)
    row: Example = example("1")
    scores = asyncio.run(by_judge(Group(row, rollouts, judge=judge)))
    assert [(score.value, score.judged) for score in scores] == [(1.0, False), (1.0, True), (None, False)]
    assert [one.fields["reasoning"] for one in asked] == ["It moves."]


@pytest.mark.parametrize(
    ("text", "error", "consistent"),
    [
        (render("A scene.", "The square is red.", "A"), None, True),
        (render("A scene.", "The square is red.", "B"), None, False),
        (render("A scene.", "It moves.", "A"), None, None),
        ("", "gone.mp4 is not in the folder", None),
    ],
)
def test_scores_say_whether_reasoning_and_answer_agree(text: str, error: str | None, consistent: bool | None) -> None:
    row = {"id": "made/1", "draw": 0, "text": text, "tokens": 3, "truncated": False, "load_error": error}
    (scored,) = score_group("bench", example("1"), [row], ScoreParams(format="context_first"), {})
    assert scored["consistent"] is consistent


def test_judge_of_a_completion_is_heard_in_its_score() -> None:
    text = render("A scene.", "It moves.", "A")
    row = {"id": "made/1", "draw": 0, "text": text, "tokens": 3, "truncated": False, "load_error": None}
    judged = {("made/1", 0, CONSISTENCY): RewardScore(value=0.0)}
    (scored,) = score_group("bench", example("1"), [row], ScoreParams(format="context_first"), judged)
    assert scored["consistent"] is False
