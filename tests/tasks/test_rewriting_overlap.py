"""How much of an emotional answer its context says already: reported, and no reason to refuse a row."""

import pytest

from llm.request import Outcome
from schemas.completion import render
from schemas.example import Example, Option
from tasks.rewriting.overlap import asks_for_emotions, emotion_overlap
from tasks.rewriting.verdict import verdict
from tests.stages import example


def moods(*texts: str, answer: str) -> Example:
    options = tuple(Option(label=label, text=text) for label, text in zip("ABCDEF", texts, strict=False))
    return example("1", options=options, answer_kind="multi_choice", answer=answer)


def words(answer: str) -> Example:
    return example("1", options=(), answer_kind="emotion_words", answer=answer)


@pytest.mark.parametrize(
    ("row", "context", "value"),
    [
        (words("happy,worried"), "A woman smiles and bites her nails.", 0.0),
        (words("happy,worried"), "A happy woman bites her nails.", 0.5),
        (words("happy,worried"), "She smiles happily, with a worry in her eyes.", 1.0),
        (moods("Happy", "Sad", "Worried", answer="B"), "A sad man and a happy one.", 1.0),
        (moods("Happy", "Sad", "Worried", answer="A,B,C"), "A sad man.", 1 / 3),
    ],
)
def test_overlap_is_the_share_of_gold_words_that_the_context_says(row: Example, context: str, value: float) -> None:
    rating = emotion_overlap(row, context)
    assert rating is not None and rating.value == pytest.approx(value)


def test_overlap_tells_which_words_are_said() -> None:
    rating = emotion_overlap(words("happy,worried"), "A happy woman.")
    assert rating is not None and rating.rationale == "said in the context: happy; not said: worried"


def test_rows_about_something_else_have_no_overlap() -> None:
    colours = moods("red", "blue", "green", answer="A")
    assert not asks_for_emotions(colours)
    assert emotion_overlap(colours, "A red square.") is None
    assert emotion_overlap(example("1"), "A red square.") is None


def test_choice_is_about_emotions_when_most_of_its_options_are() -> None:
    assert asks_for_emotions(moods("Happy", "Sad", "Burden", answer="A"))
    assert not asks_for_emotions(moods("Happy", "a door", "Burden", answer="A"))


def test_context_that_says_every_gold_word_is_no_reason_to_refuse() -> None:
    row = moods("Happy", "Sad", "Worried about the near future", answer="A,C")
    reply = render("A woman is happy and worried about the near future.", "She is happy and worried.", "A,C")
    assert verdict(Outcome(identity="0", text=reply), row) is None
