"""What a model writes, parsed with character spans; whatever is wrong is said and nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import BLOCKS, TAGS, FormatName, parse, render, visible

A_TO_B = "<time>0.0-1.5</time><caption>A dog barks.</caption>"
B_TO_C = "<time>2 - 12.25</time>\n<caption>It runs, and\nnobody follows.</caption>"
FORMATS: tuple[FormatName, ...] = tuple(BLOCKS)
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
        (GOOD.replace("so", "\u200b\xad"), "empty think block"),
        (GOOD.replace("so", "\u3164"), "empty think block"),
        (GOOD + "\u200b", "text outside the blocks"),
        (GOOD.replace("so", "<THINK>so"), "'<THINK>' is no tag"),
        (GOOD.replace("so", "so< / answer >"), "'< / answer >' is no tag"),
    ],
)
def test_fault_is_named(text: str, error: str) -> None:
    assert error in parse(text).errors


@pytest.mark.parametrize(
    ("text", "errors"), [("B", ()), (" ", ("empty",)), ("<answer>B</answer>", ("tags in a direct answer",))]
)
def test_direct_answer_is_bare(text: str, errors: tuple[str, ...]) -> None:
    assert parse(text, "direct").errors == errors


def test_what_shows_nothing_is_empty() -> None:
    assert visible(" \ufeff\u200b\u2800\u115f\u0301\x00\n") == ""
    assert visible(" e\u0301 ") == "e\u0301"
    assert visible("\n?") == "?"


def test_timed_captions_are_found_with_their_times_and_spans() -> None:
    completion = parse(render(f" {A_TO_B}\n{B_TO_C}", "so", "B"), "timed")
    assert completion.errors == ()
    assert [(moment.start, moment.end) for moment in completion.moments] == [(0.0, 1.5), (2.0, 12.25)]
    assert [completion.text[moment.whole.start : moment.whole.end] for moment in completion.moments] == [A_TO_B, B_TO_C]
    assert [moment.text for moment in completion.moments] == ["A dog barks.", "It runs, and\nnobody follows."]
    assert parse(completion.text).moments == ()


@pytest.mark.parametrize(
    ("context", "error"),
    [
        ("a scene", "no timed caption"),
        ("", "no timed caption"),
        (A_TO_B + " and then", "text outside the timed captions"),
        (A_TO_B + "<time>3-4</time>", "text outside the timed captions"),
        (A_TO_B.replace("A dog", "A <caption>dog"), "no timed caption"),
        (A_TO_B + A_TO_B.replace("0.0", "-1"), "text outside the timed captions"),
        (A_TO_B + A_TO_B.replace("1.5", "inf"), "text outside the timed captions"),
        (A_TO_B + A_TO_B.replace("1.5", "1e9"), "text outside the timed captions"),
        (A_TO_B + A_TO_B.replace("1.5", "0:15"), "text outside the timed captions"),
        (A_TO_B + A_TO_B.replace("1.5", "٣"), "text outside the timed captions"),
        (A_TO_B + B_TO_C.replace("time", "TIME"), "text outside the timed captions"),
        (A_TO_B.replace("A dog barks.", " \u200b"), "caption 1 is empty"),
        (B_TO_C.replace("12.25", "1"), "caption 1 ends before it starts"),
        (B_TO_C.replace("12.25", "2.0"), "caption 1 ends before it starts"),
        (B_TO_C + A_TO_B, "captions overlap or stand out of order"),
        (A_TO_B + B_TO_C.replace("2 ", "1.4 "), "captions overlap or stand out of order"),
    ],
)
def test_fault_of_timed_captions_is_named(context: str, error: str) -> None:
    assert error in parse(render(context, "so", "B"), "timed").errors


def test_timed_captions_belong_into_the_context() -> None:
    for text in (render(A_TO_B, f"so {A_TO_B}", "B"), render(A_TO_B, "so", "B<Time>")):
        assert parse(text, "timed").errors == ("timed captions outside the context",)
    assert parse(A_TO_B, "timed").moments == ()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "flood", ["<think>", "</think>", "<", "< ", "<time>", "<time> ", "<time>1-2</time><caption>", A_TO_B, "\u200b", " "]
)
def test_flood_is_parsed_in_proportion_to_its_length(flood: str, format: FormatName) -> None:
    long = flood * 100_000  # time in its square would be hours
    for text in (long, f"<context>{long}", "<" + long):
        assert parse(text, format).text == text


plain = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]), min_size=1).filter(visible)


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


@given(
    st.lists(st.sampled_from([*TAGS, A_TO_B, B_TO_C, "<time>", "</caption>", "5", " ", "<"]), max_size=14).map("".join)
)
def test_no_error_in_a_timed_completion_means_captions_in_order_and_nothing_else(text: str) -> None:
    completion = parse(text, "timed")
    if not completion.errors:
        captions = "".join(text[moment.whole.start : moment.whole.end] for moment in completion.moments)
        assert "".join(captions.split()) == "".join(completion.body("context").split())
        times = [time for moment in completion.moments for time in (moment.start, moment.end)]
        assert times == sorted(times) and times
