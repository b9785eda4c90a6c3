"""Options written into a question's text: what is taken for them, and what is left undecided."""

import pytest

from schemas.example import Option
from schemas.options import Undecided
from tasks.reading.inner_options import read_turn, split_question

TWO = (Option(label="A", text="A cat"), Option(label="B", text="Nobody"))


@pytest.mark.parametrize(
    "block",
    [
        "\nA. A cat\nB. Nobody",
        "\n(A) A cat\n(B) Nobody\n",
        "\nA) A cat\r\nB) Nobody",
        "\nA: A cat\n\nB: Nobody",
        "\nOptions:\nA. A cat\nB. Nobody\nPlease provide your answer by stating the letter.",
        " Options:\nA.A cat\nB.Nobody",
        "\nchoices\nA. A cat\nB. Nobody\nAnswer with the letter only.",
    ],
)
def test_options_at_the_end_of_a_question_are_split_from_it(block: str) -> None:
    assert split_question(f"Who sings?{block}") == ("Who sings?", TWO)


@pytest.mark.parametrize("text", ["Who sings?", "Describe it.\nTake your time.", "Which of his options\nare left?", ""])
def test_question_without_options_is_left_as_it_is(text: str) -> None:
    assert split_question(text) == (text, ())


def test_word_that_only_ends_like_a_heading_stays_in_the_question() -> None:
    assert split_question("Who names the options:\nA. A cat\nB. Nobody") == ("Who names the options:", TWO)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("A. x\nC. y", "options_unclear"),
        ("B. x\nA. y", "options_unclear"),
        ("A. x\nB. y\nA. z\nB. w", "options_unclear"),
        ("A. x\nand so on\nB. y", "options_unclear"),
        ("A. x\nB. y\nwith a hat", "options_unclear"),
        ("A. x\nB. y\nPlease answer.\nPlease do.", "options_unclear"),
        ("A. x\nB.", "options_unclear"),
        ("A. x", "too_few_options"),
    ],
)
def test_options_with_two_readings_are_undecided(block: str, reason: str) -> None:
    with pytest.raises(Undecided) as caught:
        split_question(f"Who sings?\n{block}")
    assert caught.value.reason == reason


def test_media_tags_are_no_part_of_a_question() -> None:
    assert read_turn("<video><audio>\nWho sings?\n<image>", "A cat").question == "Who sings?"


@pytest.mark.parametrize("answer", ["B. Nobody", "B", "(B) nobody.", "Nobody"])
def test_lettered_answer_is_the_label_of_its_option(answer: str) -> None:
    turn = read_turn("Who sings?\nA. A cat\nB. Nobody", answer)
    assert (turn.kind, turn.answer, turn.options) == ("choice", "B", TWO)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("B. A cat", "answer_unclear"),
        ("C. A dog", "answer_unclear"),
        ("C", "label_without_option"),
        ("", "missing_field"),
    ],
)
def test_answer_that_is_no_option_is_undecided(answer: str, reason: str) -> None:
    with pytest.raises(Undecided) as caught:
        read_turn("Who sings?\nA. A cat\nB. Nobody", answer)
    assert caught.value.reason == reason


@pytest.mark.parametrize("answer", ["B", "b.", "(C)", "B. Nobody"])
def test_lettered_answer_to_a_question_without_options_is_undecided(answer: str) -> None:
    with pytest.raises(Undecided) as caught:
        read_turn("Who sings?", answer)
    assert caught.value.reason == "label_without_option"


def test_answer_that_starts_with_an_article_is_free_text() -> None:
    turn = read_turn("Who sings?", "A cat on a wall")
    assert (turn.kind, turn.answer) == ("free_text", "A cat on a wall")
