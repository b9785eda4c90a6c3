"""The verdict on a reply: the first broken rule, out of a closed set of reasons, with what was seen."""

from typing import get_args

import pytest

from llm.request import FINAL, Failure, Outcome
from schemas.completion import render
from schemas.example import Example, Option
from tasks.rewriting.reasons import CALLS, MENDABLE, REASONS, RULES
from tasks.rewriting.verdict import verdict
from tests.stages import example

CONTEXT, THINK = "A red square moves to the left.", "The square that moves is red."
LONG_OPTIONS = (Option(label="A", text="the square is red"), Option(label="B", text="the square is blue"))
GOOD = render(CONTEXT, THINK, "A")


def reason(text: str, row: Example | None = None) -> str:
    """Why a reply is refused; empty when it is taken."""
    fault = verdict(Outcome(identity="0", text=text), row or example("1"))
    if fault is None:
        return ""
    assert fault.detail and "\n" not in fault.detail and fault.reply == text
    return fault.reason


def test_reply_that_keeps_every_rule_has_no_fault() -> None:
    assert reason(GOOD) == ""


@pytest.mark.parametrize("answer", ["B", "blue", "A or B", "neither", "C"])
def test_changed_answer_is_a_fault(answer: str) -> None:
    assert reason(render(CONTEXT, THINK, answer)) == "answer_changed"


@pytest.mark.parametrize("answer", ["A", " A ", "A.", "(A)", "red", "A. red", "a", "**A**"])
def test_same_answer_may_be_spelt_in_another_way(answer: str) -> None:
    assert reason(render(CONTEXT, THINK, answer)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A red square, so A.",
        render(CONTEXT, "", "A"),
        render("", THINK, "A"),
        render(CONTEXT, THINK, ""),
        f"<think>{THINK}</think><context>{CONTEXT}</context><answer>A</answer>",
        f"<context>{CONTEXT}<think>{THINK}</think></context><answer>A</answer>",
        f"<context>{CONTEXT}</context><think>{THINK}<answer>A</answer>",
        "Here you are: " + GOOD,
        GOOD + GOOD,
        f"```\n{GOOD}\n```",
    ],
)
def test_reply_that_is_not_three_blocks_is_malformed(text: str) -> None:
    assert reason(text) == "malformed"


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (render("Red.", THINK, "A"), "wrong_length"),
        (render(CONTEXT, "red " * 5000, "A"), "wrong_length"),
        (render(f"# Scene\n{CONTEXT}", THINK, "A"), "markup"),
        (render(CONTEXT, f"- {THINK}\n- So red.", "A"), "markup"),
        (render("Красный квадрат движется влево.", THINK, "A"), "wrong_language"),
        (render(CONTEXT, "Квадрат красный, он движется влево.", "A"), "wrong_language"),
        (render(f"{CONTEXT} Option A fits.", THINK, "A"), "choice_given_away"),
        (render("We see that the square is red and moves.", THINK, "A"), "choice_given_away"),
        (render(CONTEXT, f"{THINK} So the answer is B.", "A"), "think_argues_otherwise"),
        (render(CONTEXT, "Because of what everyone knows about such games.", "A"), "think_ungrounded"),
    ],
)
def test_each_broken_rule_has_its_reason(reply: str, found: str) -> None:
    assert reason(reply, example("1", options=LONG_OPTIONS)) == found


def test_letters_in_a_context_are_no_fault_where_there_are_no_options() -> None:
    row = example("1", options=(), answer_kind="yes_no", answer="yes")
    assert reason(render("A man picks option B of two.", "The man picks one, so it is true.", "yes"), row) == ""


@pytest.mark.parametrize("failure", sorted(FINAL))
def test_call_that_failed_for_good_is_a_fault_that_names_the_failure(failure: Failure) -> None:
    outcome = Outcome(identity="0", failure=failure, detail="so it says", said="<context>A r")
    assert verdict(outcome, example("1")) == (f"llm_{failure}", "so it says", "<context>A r")


def test_reasons_are_a_closed_set_and_say_what_to_do_in_one_line() -> None:
    assert set(CALLS) == {f"llm_{failure}" for failure in FINAL} and set(FINAL) < set(get_args(Failure))
    assert set(REASONS) == {*RULES, *CALLS}
    assert all(line.endswith(".") and "\n" not in line for line in REASONS.values())


def test_every_rule_may_be_mended_but_a_refusal_may_not() -> None:
    assert {*RULES, "llm_truncated"} == MENDABLE
