import base64

import pytest

from reporting.clips import clip
from reporting.exhibits import exhibit, pick, pieces, shown
from reporting.runs import Run
from schemas.completion import render
from schemas.example import Example, Option
from tests.reporting.made import score, scores

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def _joined(text: str) -> str:
    return "".join(piece.text for piece in pieces(text, "context_first"))


@pytest.mark.parametrize(
    "text",
    [
        render("red", "so", "A"),
        "well, <context>red</context> then <answer>A</answer> bye",
        "<answer>A</answer><context>late</context>",
        "<context>a <think>b</context> c</think><answer>A</answer>",
        "no tags",
        "",
    ],
)
def test_pieces_join_to_the_text_as_written(text: str) -> None:
    assert _joined(text) == text


def test_pieces_name_the_blocks_and_what_stands_outside() -> None:
    found = [(piece.kind, piece.text) for piece in pieces("hm <think>so</think>", "context_first")]
    assert found == [("outside", "hm "), ("tag", "<think>"), ("think", "so"), ("tag", "</think>")]


@pytest.mark.parametrize(
    ("outcome", "value", "mark"),
    [
        ("answered", 1.0, "right"),
        ("answered", 0.0, "wrong"),
        ("answered", 0.4, "partly right"),
        ("unanswered", 0.0, "unanswered"),
        ("load_error", None, "media not loaded"),
        ("unjudged", None, "not judged"),
    ],
)
def test_mark_says_what_the_score_says(outcome: str, value: float | None, mark: str) -> None:
    assert shown("one", "direct", "A", score("1", outcome=outcome, value=value), {}).mark == mark


@pytest.mark.parametrize("consistent", [True, False, None])
def test_completion_is_shown_with_whether_its_reasoning_argues_for_the_answer(consistent: bool | None) -> None:
    assert shown("one", "direct", "A", score("1", consistent=consistent), {}).consistent is consistent


def test_clip_is_embedded_whole_with_its_type() -> None:
    head, _, body = clip("image", "a.png", PNG).source.partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == PNG


def test_clip_of_an_unknown_type_is_named_and_not_embedded() -> None:
    unknown = clip("video", "a.bin", b"nothing known")
    assert unknown.source == ""
    assert "type" in unknown.note


def test_rewards_name_the_blocks_that_they_are_paid_for() -> None:
    row = score("1", rewards=[("accuracy", 1.0), ("context", 0.5), ("format", 1.0)])
    found = shown("one", "context_first", render("red", "so", "A"), row, {"context": "only(context)"})
    assert found.rewards == (("accuracy", 1.0, ("answer",)), ("context", 0.5, ("context",)), ("format", 1.0, ()))


def test_examples_are_picked_from_every_family_whatever_the_outcome() -> None:
    rows = [score(str(place), family=f"f{place % 4}") for place in range(80)]
    right = Run("a", "A", "model", scores(*rows))
    wrong = Run("b", "B", "model", scores(*({**row, "value": 0.0, "given": "B"} for row in reversed(rows))))
    chosen = pick(right, 8)
    assert chosen == pick(wrong, 8)
    assert sorted(int(id) % 4 for _, id in chosen) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_gold_options_are_marked() -> None:
    example = Example(
        id="s/1",
        source="s",
        source_revision="1",
        source_row="1",
        source_id="1",
        licence="CC0-1.0",
        group="v",
        question="Which?",
        options=(Option(label="A", text="red"), Option(label="B", text="blue")),
        answer_kind="choice",
        answer="B",
    )
    made = exhibit(example, "made", "picture", [], [])
    assert [choice.gold for choice in made.choices] == [False, True]
    assert made.gold == "B (blue)"
