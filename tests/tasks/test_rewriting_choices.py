"""A context gives no choice away: no option by its letter, and no long one word for word, unless the clip says it."""

import pytest

from schemas.example import Example, Option
from tasks.rewriting.choices import given_away, named_options
from tests.stages import example

FOUR = tuple(Option(label=label, text=f"text {label}") for label in "ABCD")
PLANS = (
    Option(label="A", text="She wants to leave the party early"),
    Option(label="B", text="He is tired"),
    Option(label="C", text="a red car"),
    Option(label="D", text="rain"),
)


def labels(text: str) -> list[str]:
    return [named.label for named in named_options(text, FOUR)]


def party(**changes: object) -> Example:
    return example("1", question="Why does she look at the clock?", options=PLANS, answer="A", **changes)


@pytest.mark.parametrize(
    "text",
    [
        "The man picks option B.",
        "The scene fits Option (B) best.",
        "As choice B says, it rains.",
        "The square (B) moves.",
        "It fits B. The rest does not.",
        "It fits B.",
        "The answer is B",
        "The answer is: B, clearly",
        "the correct answer is 'B'",
        "Answer: B",
        "answer: b",
        "It shows option #B here",
        "It shows option **B** here",
        "B) a blue square is seen.",
        "画面符合选项B的说法",
        "答案是B",
        "정답은 B라고 한다",
        "La respuesta es B",
        "Правильный ответ: B",
    ],
)
def test_context_that_names_an_option_gives_the_choice_away(text: str) -> None:
    assert labels(text) == ["B"]
    assert given_away(example("1", options=FOUR, answer="B"), text)


@pytest.mark.parametrize(
    "text",
    [
        "It shows option Ｂ here",
        "It shows option \u200bB here",
        "It shows op\u00adtion B here",
        "It shows option\u00a0B here",
        "It shows option Ⓑ here",
        "It shows option В here",
        "It shows option Β here",
        "It shows option 𝐁 here",
    ],
    ids=["full width", "zero width", "soft hyphen", "hard space", "circled", "Cyrillic", "Greek", "mathematical"],
)
def test_letter_in_disguise_still_names_its_option(text: str) -> None:
    assert labels(text) == ["B"]


@pytest.mark.parametrize(
    "text",
    [
        "A man walks in. A dog barks.",
        "He says that vitamin C is good for her.",
        "He sells vitamin C. She buys none.",
        "Plan A succeeded, and plan B failed.",
        "They go back to plan B.",
        "She sings in the key of C.",
        "She gets a B in class and a D-minus in sport.",
        "He has the option a man rarely has.",
        "The answer is a smile.",
        "Her answer: a loud no.",
        "He speaks at 10 a.m. in Washington D.C., early.",
        "The choice A-list actors make.",
        "Dr. B.B. King plays.",
        "Option E is not among the options.",
        "",
    ],
)
def test_capital_letter_in_plain_speech_gives_nothing_away(text: str) -> None:
    assert labels(text) == []


def test_letters_name_nothing_where_there_are_no_options() -> None:
    assert list(named_options("He picks option B.", ())) == []


@pytest.mark.parametrize(
    "text",
    ["Clearly she wants to leave the party early, then sits.", "SHE WANTS TO LEAVE, THE PARTY EARLY!", "he is tired"],
)
def test_long_option_said_word_for_word_gives_the_choice_away(text: str) -> None:
    assert given_away(party(), text)


@pytest.mark.parametrize("text", ["She wants to leave the party. It is early.", "He is very tired.", "Rain falls."])
def test_like_words_and_short_options_give_nothing_away(text: str) -> None:
    assert given_away(party(), text) == ""


def test_wrong_option_said_word_for_word_gives_the_choice_away_too() -> None:
    assert given_away(party(), "A boy sees a red car outside.") == "a red car"


@pytest.mark.parametrize("field", ["subtitles", "description", "question"])
def test_option_that_is_what_is_said_in_the_clip_gives_nothing_away(field: str) -> None:
    row = party().model_copy(update={field: "Anna: I think he is tired."})
    assert given_away(row, "Anna says that he is tired.") == ""
    assert given_away(row, "She wants to leave the party early, says Anna.")


def test_earlier_description_is_no_excuse_because_it_is_what_is_mended() -> None:
    assert given_away(party(context="He is tired."), "He is tired.")


def test_option_in_a_script_without_spaces_is_found() -> None:
    options = (Option(label="A", text="他想早点离开聚会"), Option(label="B", text="他累了"))
    row = example("1", question="他为什么看表?", options=options, answer="A")
    assert given_away(row, "一个男人看着手表，他想早点离开聚会。") == "他想早点离开聚会"
    assert given_away(row, "一个男人看着手表，看来他累了。") == ""
