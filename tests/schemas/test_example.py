"""The one form of a row."""

import pytest
from pydantic import ValidationError

from schemas.example import EXAMPLES, Example, Media, Option, from_row, to_table
from tests.stages import example

THREE = tuple(Option(label=label, text=f"text {label}") for label in "ABC")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "C"}, "not among the options"),
        ({"answer": "A,B"}, "one answer"),
        ({"answer": "a"}, "not among the options"),
        ({"answer": ""}, "not among the options"),
        ({"answer_kind": "multi_choice", "answer": "A,D"}, "'D' is not among"),
        ({"answer_kind": "free_text", "answer": " "}, "empty answer"),
        ({"options": (THREE[0], THREE[0])}, "labels repeat"),
        ({"options": ()}, "not among the options"),
        ({"answer_kind": "essay"}, "answer_kind"),
        ({"unknown": 1}, "unknown"),
        ({"group": None}, "group"),
    ],
)
def test_row_that_breaks_a_rule_is_no_example(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        example("1", **changes)


@pytest.mark.parametrize(
    ("kind", "answer", "options", "text"),
    [
        ("choice", "B", THREE, "text B"),
        ("multi_choice", "A,C", THREE, "text A, text C"),
        ("yes_no", "yes", (), "yes"),
        ("number", "42", (), "42"),
        ("free_text", "A", THREE, "A"),
        ("emotion_words", "angry,worried", (), "angry,worried"),
    ],
)
def test_gold_text_is_what_a_reader_would_say(kind: str, answer: str, options: tuple[Option, ...], text: str) -> None:
    assert example("1", answer_kind=kind, answer=answer, options=options).gold_text == text


def test_medium_is_the_first_of_its_kind() -> None:
    row = example("1", media=(Media(kind="image", digest="1", path="a"), Media(kind="image", digest="2", path="b")))
    found = row.medium("image")
    assert found is not None and found.path == "a"
    assert row.medium("video") is None


def test_arrow_schema_and_value_have_the_same_fields() -> None:
    assert EXAMPLES.names == list(Example.model_fields)
    media = EXAMPLES.field("media").type.value_type
    assert [media.field(place).name for place in range(media.num_fields)] == list(Media.model_fields)


def test_row_and_back_is_the_same_example() -> None:
    row = example("1", categories={"b": "2", "a": "1"}, media=(Media(kind="image", digest="1", path="a"),))
    assert [from_row(back) for back in to_table([row]).to_pylist()] == [row]


def test_example_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        example("1").answer = "B"
