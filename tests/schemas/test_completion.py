"""What a model writes, parsed with character spans; whatever is wrong is said and nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import TAGS, parse, render

GOOD = "<context>a scene</context><think>so</think><answer>B</answer>"


def test_blocks_are_found_with_their_bodies_and_spans() -> None:
    completion = parse(f"\n{GOOD}\n")
    assert completion.errors == ()
    assert [(block.name, block.text) for block in completion.blocks] == [
        ("context", "a scene"),
        ("think", "so"),
        ("answer", "B"),
    ]
    for block in completion.blocks:
        assert completion.text[block.body.start : block.body.end] == block.text
        whole = completion.text[block.whole.start : block.whole.end]
        assert whole == f"<{block.name}>{block.text}</{block.name}>"


def test_answer_is_the_answer_blocks_body_without_outer_space() -> None:
    assert parse(GOOD.replace(">B<", "> B\n<")).answer == "B"
    assert parse("<context>a</context>").answer == ""
    assert parse(" B \n", "direct").answer == "B"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no context block"),
        ("B", "no answer block"),
        (GOOD.replace("<think>so</think>", ""), "no think block"),
        (GOOD.replace("so", " \n"), "empty think block"),
        (GOOD.replace("a scene", ""), "empty context block"),
        (GOOD.replace("</think>", ""), "no think block"),
        (GOOD + "<answer>C</answer>", "<answer> appears 2 times"),
        (GOOD.replace("so", "so</think><think>so"), "<think> appears 2 times"),
        ("Sure! " + GOOD, "text outside the blocks"),
        (GOOD + " Done.", "text outside the blocks"),
        (GOOD.replace("</context>", "</context> and "), "text outside the blocks"),
        ("<think>so</think><context>a scene</context><answer>B</answer>", "blocks out of order"),
        ("<context>a <think>so</think></context><answer>B</answer>", "blocks out of order"),
    ],
)
def test_fault_is_named(text: str, error: str) -> None:
    assert error in parse(text).errors


@pytest.mark.parametrize(
    ("text", "errors"), [("B", ()), (" ", ("empty",)), ("<answer>B</answer>", ("tags in a direct answer",))]
)
def test_direct_answer_is_bare(text: str, errors: tuple[str, ...]) -> None:
    assert parse(text, "direct").errors == errors


plain = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(plain, plain, plain)
def test_rendered_completion_parses_into_what_was_rendered(context: str, think: str, answer: str) -> None:
    completion = parse(render(context, think, answer))
    assert completion.errors == ()
    assert [block.text for block in completion.blocks] == [context, think, answer]


@given(st.lists(st.sampled_from([*TAGS, "a", " ", "\n", "<", "</", ">"]), max_size=14).map("".join))
def test_nothing_that_a_model_writes_raises_and_no_error_means_the_letter_of_the_format(text: str) -> None:
    completion = parse(text)
    bodies = [block.text for block in completion.blocks]
    if not completion.errors:
        assert "".join(text.split()) == "".join(render(*bodies).split())
        assert all(body.strip() for body in bodies)
    parse(text, "direct")
