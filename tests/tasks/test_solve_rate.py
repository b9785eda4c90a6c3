"""Whether one draw solved its question; None where only a judge could say."""

import pytest

from schemas.completion import render
from schemas.example import Option
from tasks.solve_rate import solved_value
from tests.stages import example

FOUR = tuple(Option(label=label, text=f"text {label}") for label in "ABCD")


@pytest.mark.parametrize(
    ("answer", "value"), [("A", 1.0), ("red", 1.0), ("B", 0.0), ("A or B", 0.0), ("", 0.0), ("nothing", 0.0)]
)
def test_draw_is_scored_by_the_rule_of_its_kind(answer: str, value: float) -> None:
    assert solved_value(example("1"), render("c", "t", answer), "context_first") == value
    assert solved_value(example("1"), answer, "direct") == value


def test_half_right_draw_has_half_the_value() -> None:
    row = example("1", options=FOUR, answer_kind="multi_choice", answer="A,B")
    assert solved_value(row, "A", "direct") == pytest.approx(2 / 3)


def test_completion_without_blocks_solves_nothing() -> None:
    assert solved_value(example("1"), "A", "context_first") == 0.0


def test_free_text_is_not_known() -> None:
    row = example("1", options=(), answer_kind="free_text", answer="a red square")
    assert solved_value(row, "a red square", "direct") is None
