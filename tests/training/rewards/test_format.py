"""The format reward against text that nearly keeps the format."""

import pytest

from schemas.completion import render
from tests.training.rewards.examples import example, rollout, scores, values
from training.rewards import REWARDS

FORMAT = REWARDS["format"]
CHOICE = example("choice", "A", ["red", "blue"])
GOOD = render("A ball.", "It is red.", "A")
MOMENT = "<time>0.0-1.5</time><caption>A ball rolls.</caption>"


def test_well_formed_completion_scores_one() -> None:
    assert values(FORMAT, CHOICE, [rollout(GOOD), rollout(f" {GOOD}\n")]) == [1.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "\x00" * 1000),
        *(GOOD + " Surely.", "Well: " + GOOD, GOOD.replace("<think>", " So: <think>")),
        *(GOOD + GOOD, GOOD.replace("It is red.", "It is</think><think>red."), GOOD + "<answer>A</answer>"),
        *(GOOD.replace("<think>", "<think><think>"), GOOD.replace("A ball.", "<think>A ball.</think>")),
        *("\u200b" + GOOD, GOOD + "\u2060", "\ufeff" + GOOD, GOOD.replace("context", "con\u200btext")),
        *(render("", "It is red.", "A"), render("A ball.", "  \n", "A"), render("A ball.", "\u3000\u200b\xad", "A")),
        *(render("\u3164", "It is red.", "A"), render("A ball.", "It is red.", "\u2800"), render("A.", "B.", "\u0301")),
        *(GOOD.removesuffix("</answer>"), GOOD[:-3], GOOD.replace("</think>", ""), GOOD[1:]),
        "<think>It is red.</think><context>A ball.</context><answer>A</answer>",
        "<context><think>It is red.</think>A ball.</context><answer>A</answer>",
        *(GOOD.upper(), GOOD.replace("think", "Think"), GOOD.replace("It is", "<THINK>It is")),
        *(GOOD.replace("It is", "It < / answer > is"), GOOD.replace("A ball.", "A <think/> ball.")),
    ],
)
def test_broken_format_scores_zero(text: str) -> None:
    assert values(FORMAT, CHOICE, [rollout(text)]) == [0.0]


def test_completion_that_never_ended_itself_scores_zero() -> None:
    (score,) = scores(FORMAT, CHOICE, [rollout(GOOD + "\n" * 50, truncated=True)])
    assert (score.value, dict(score.parts)) == (0.0, {"errors": 0.0, "truncated": 1.0})


def test_angle_brackets_that_are_no_tags_do_no_harm() -> None:
    assert values(FORMAT, CHOICE, [rollout(render("1 < 2 and <b>bold</b>", "so <x", "A"))]) == [1.0]


def test_direct_answer_with_tags_scores_zero() -> None:
    texts = ["A", "a < b", GOOD, "<ANSWER>A</ANSWER>", "\u200b"]
    assert values(FORMAT, CHOICE, [rollout(text, "direct") for text in texts]) == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_timed_captions_are_asked_of_timed_completions_alone() -> None:
    timed = render(MOMENT, "It is red.", "A")
    assert values(FORMAT, CHOICE, [rollout(timed, "timed"), rollout(GOOD, "timed")]) == [1.0, 0.0]
    assert values(FORMAT, CHOICE, [rollout(timed)]) == [1.0]
