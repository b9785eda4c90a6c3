"""The format reward against text that nearly keeps the format."""

import pytest

from schemas.completion import render
from tests.training.rewards.examples import example, rollout, values
from training.rewards import REWARDS

CHOICE = example("choice", "A", ["red", "blue"])
GOOD = render("A ball.", "It is red.", "A")


def test_well_formed_completion_scores_one() -> None:
    assert values(REWARDS["format"], CHOICE, [rollout(GOOD), rollout(f" {GOOD}\n")]) == [1.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        GOOD + " Surely.",
        "Well: " + GOOD,
        GOOD + GOOD,
        GOOD.replace("<think>", "<think><think>"),
        render("", "It is red.", "A"),
        render("A ball.", "  \n", "A"),
        render("A ball.", "It is red.", "A").replace("</answer>", ""),
        "<think>It is red.</think><context>A ball.</context><answer>A</answer>",
        "<CONTEXT>A ball.</CONTEXT><think>It is red.</think><answer>A</answer>",
        "<context><think>It is red.</think>A ball.</context><answer>A</answer>",
        "\x00" * 1000,
    ],
)
def test_broken_format_scores_zero(text: str) -> None:
    assert values(REWARDS["format"], CHOICE, [rollout(text)]) == [0.0]


def test_direct_answer_with_tags_scores_zero() -> None:
    assert values(REWARDS["format"], CHOICE, [rollout("A", "direct"), rollout(GOOD, "direct")]) == [1.0, 0.0]
