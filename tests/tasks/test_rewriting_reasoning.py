"""Reasoning rests on its context and ends where the answer stands; what merely weighs other answers is let be."""

import pytest

from schemas.example import Example, Option
from tasks.rewriting.reasoning import LEAST_GROUNDING, argued_otherwise, grounding
from tests.stages import example

CONTEXT = "A woman in a grey coat drops her keys on wet steps, curses in a low voice and looks over her shoulder."
MOODS = tuple(
    Option(label=label, text=text) for label, text in zip("ABCD", ("Happy", "Sad", "Worried", "Like"), strict=True)
)


def yes(**changes: object) -> Example:
    return example("1", **({"options": (), "answer_kind": "yes_no", "answer": "yes"} | changes))


@pytest.mark.parametrize(
    "think",
    [
        "She drops her keys and curses, so something is wrong.",
        "People who look over their shoulder fear someone. Her low voice and the keys fit that: she is afraid.",
    ],
)
def test_reasoning_from_what_the_context_says_is_grounded(think: str) -> None:
    assert grounding(think, CONTEXT) >= LEAST_GROUNDING


@pytest.mark.parametrize(
    "think",
    [
        "The crowd cheers as the striker scores, which makes the team proud and the coach dance.",
        "It is what it is, and so it will be.",
        "...",
    ],
)
def test_reasoning_about_something_else_is_not_grounded(think: str) -> None:
    assert grounding(think, CONTEXT) < LEAST_GROUNDING


def test_short_reasoning_may_use_a_little_of_a_long_context() -> None:
    long = " ".join([CONTEXT, *(f"thing{number:03} moves" for number in range(300))])
    assert grounding("She drops her keys, so she is nervous.", long) >= LEAST_GROUNDING


def test_reasoning_in_a_script_without_spaces_is_measured_too() -> None:
    context = "一个穿灰色大衣的女人在湿台阶上掉了钥匙，低声咒骂，回头看。"
    assert grounding("她掉了钥匙，低声咒骂，所以她很紧张。", context) >= LEAST_GROUNDING
    assert grounding("观众欢呼，球队进球，教练跳舞。", context) < LEAST_GROUNDING


@pytest.mark.parametrize(
    "think",
    [
        "The square is plain to see. The answer is B.",
        "The square is plain to see, so the answer is blue.",
        "The answer: b",
        "The answer is B. That is all.",
        "It looks warm : blue B .",
        "It looks warm, so B",
        "It looks warm. Option B is right.",
        "It looks warm. It must be blue.",
        "It looks warm, hence (B).",
        "The answer is A at first. On a closer look the answer is B.",
        "它看起来是蓝色。答案是B。",
    ],
)
def test_reasoning_that_ends_in_another_answer_is_found(think: str) -> None:
    assert argued_otherwise(example("1"), think)


@pytest.mark.parametrize(
    "think",
    [
        "The square is warm in colour : red A .",
        "The answer is A.",
        "One might say that the answer is B, but the light is odd. The answer is A.",
        "It is not blue.",
        "It is red rather than blue.",
        "So option B is ruled out.",
        "It is red, and the wall is blue.",
        "Option A fits better than option B.",
        "He speaks of vitamin B and of a red one.",
        "All of it fits, and so they go back to plan B.",
        "The wall was blue before. All of this fits.",
        "The answer is plain to see.",
        "",
    ],
)
def test_reasoning_that_weighs_other_answers_is_let_be(think: str) -> None:
    assert argued_otherwise(example("1"), think) == ""


@pytest.mark.parametrize(
    ("think", "found"),
    [
        ("She smiles and frets, so she is Happy and Worried.", False),
        ("She smiles and frets: Happy, Worried A,C .", False),
        ("She smiles and frets, so A and C.", False),
        ("One answer is A.", False),
        ("She smiles, and there is nothing she does not like.", False),
        ("She smiles and frets, so A and B.", True),
        ("She weeps, so she is Sad.", True),
        ("The answer is B, C.", True),
        ("The answer is A, B, C.", True),
    ],
)
def test_of_several_right_options_reasoning_may_end_in_any_and_in_no_other(think: str, found: bool) -> None:
    row = example("1", options=MOODS, answer_kind="multi_choice", answer="A,C")
    assert bool(argued_otherwise(row, think)) == found


def test_long_option_anywhere_in_the_last_sentence_counts() -> None:
    options = (Option(label="A", text="she is very tired"), Option(label="B", text="he has no time"))
    row = example("1", options=options)
    assert argued_otherwise(row, "The clock ticks. It shows that he has no time for all this.")
    assert not argued_otherwise(row, "He has no time for all this. The clock shows that she is very tired today.")


@pytest.mark.parametrize(
    ("row", "think", "found"),
    [
        (yes(), "He shakes his head, so the answer is no.", True),
        (yes(), "He shakes his head, so the answer is yes.", False),
        (yes(), "No doubt he agrees.", False),
        (yes(answer_kind="number", answer="4"), "Four beeps sound, so the answer is 5.", True),
        (yes(answer_kind="number", answer="4"), "Four beeps sound, so the answer is 4.", False),
        (yes(answer_kind="number", answer="3.5"), "It reads so, and the answer is 3.50.", False),
        (yes(answer_kind="free_text", answer="a cup"), "The answer is a mug.", False),
    ],
)
def test_stated_answer_is_compared_where_its_kind_has_an_exact_rule(row: Example, think: str, found: bool) -> None:
    assert bool(argued_otherwise(row, think)) == found
