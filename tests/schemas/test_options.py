"""Options and answers as publishers and models write them, and as they must not be read."""

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from schemas.example import AnswerKind, Option
from schemas.numbers import plain_decimal
from schemas.options import Undecided, given, gold, label_of, letter, read_options, read_plain, split_option

KINDS: list[AnswerKind] = ["choice", "multi_choice", "yes_no", "number", "ocr", "free_text", "emotion_words"]
MAN = letter(["The man", "The woman", "A cat and a dog", "Nobody"])
MOODS = letter(["Urgent", "Happy", "Relaxed", "Rock and roll", "Angry", "Sad"])


@pytest.mark.parametrize("text", ["A. The man", "A.The man", "A) The man", "(A) The man", "A: The man", "A:The man"])
def test_one_option_is_split_however_its_label_is_marked(text: str) -> None:
    assert split_option(text) == Option(label="A", text="The man")


def test_text_without_a_label_cannot_be_split() -> None:
    with pytest.raises(Undecided, match="no label"):
        split_option("The man")


@pytest.mark.parametrize(
    "written",
    [
        ["A. yes", "B. no"],
        ["A.yes", "B.no"],
        ["A yes", "B no"],
        ["A yes", "B:no"],
        ["(A) yes", "(B) no"],
        ["yes", "no"],
        "['A.yes', 'B.no']",
        '["yes", "no"]',
        {"A": "yes", "B": "no", "C": None},
        {"B": "B. no", "A": "A. yes"},
        ["B. no", "A. yes"],
    ],
)
def test_every_form_of_options_gives_the_same_options(written: object) -> None:
    assert read_options(written) == letter(["yes", "no"])


@pytest.mark.parametrize("written", [None, "", " ", []])
def test_absent_options_are_no_options(written: object) -> None:
    assert read_options(written) == ()


@pytest.mark.parametrize("written", [{"A": "y", "a": "q"}, {"A": "x", "B": "y", " b": "z"}])
def test_keys_that_are_one_label_are_undecided(written: object) -> None:
    with pytest.raises(Undecided, match="twice") as caught:
        read_options(written)
    assert caught.value.reason == "options_unclear"


def test_key_without_a_text_collides_with_none() -> None:
    assert read_options({"A": "y", "B": "q", "b": None}) == letter(["y", "q"])


def test_initials_under_keys_stay_unless_every_text_repeats_its_key() -> None:
    named = {"A": "A. Lincoln", "B": "G. Bush", "C": "C. Rice"}
    assert [option.text for option in read_options(named)] == list(named.values())


@pytest.mark.parametrize(
    "written",
    [
        ["A major", "B minor", "C major", "D minor"],
        ["A. Smith", "B. Jones", "x", "y"],
        ["B. no", "A. yes"],
        ("7", "x"),
    ],
)
def test_plain_options_are_lettered_as_they_stand(written: list[str]) -> None:
    assert [option.text for option in read_plain(written)] == list(written)
    assert [option.label for option in read_plain(written)] == list("ABCD"[: len(written)])


@pytest.mark.parametrize("written", [{"A": "x", "B": "y"}, "['x', 'y']", ["x", None], ["x", " "], ["x"] * 27, 7])
def test_plain_options_that_are_no_list_of_texts_are_undecided(written: object) -> None:
    with pytest.raises(Undecided) as caught:
        read_plain(written)
    assert caught.value.reason == "options_unclear"


def test_spaced_labels_out_of_order_are_plain_text() -> None:
    assert [option.text for option in read_options(["A man", "I agree"])] == ["A man", "I agree"]


def test_initials_are_not_labels() -> None:
    assert [option.text for option in read_options(["G. Bush", "A. Lincoln"])] == ["G. Bush", "A. Lincoln"]


def test_numbers_become_option_texts() -> None:
    assert read_options([1, 2.5]) == letter(["1", "2.5"])


@pytest.mark.parametrize(
    "written",
    [
        ["A. x", "B. y", "A. z", "B. w"],
        ["A. x", "B."],
        ["x", None],
        ["x"] * 27,
        "no list",
        {"first": "x"},
        7,
        "[" * 9000,
    ],
)
def test_unclear_options_are_undecided(written: object) -> None:
    with pytest.raises(Undecided) as caught:
        read_options(written)
    assert caught.value.reason == "options_unclear"


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "b",
        "(B)",
        "B.",
        "B. The woman",
        "B.The woman",
        "The woman",
        1,
        "<answer>B</answer>",
        "the woman.",
    ],
)
def test_gold_choice_is_one_label(answer: object) -> None:
    assert gold("choice", answer, MAN) == "B"


@pytest.mark.parametrize("answer", ["B,C", "C, B", "B and C", "Happy, Relaxed", "B,B,C", ["Relaxed", "Happy"], "C;B"])
def test_gold_multi_choice_is_sorted_labels(answer: object) -> None:
    assert gold("multi_choice", answer, MOODS) == "B,C"


def test_option_text_with_and_is_not_cut_apart() -> None:
    assert gold("multi_choice", "Rock and roll", MOODS) == "D"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("G", "label_without_option"),
        (4, "label_without_option"),
        (-1, "label_without_option"),
        ("A. The woman", "answer_unclear"),
        ("A,B", "answer_unclear"),
        ("Somebody else", "answer_not_in_options"),
        ("", "missing_field"),
        ("<answer>B", "answer_unclear"),
        (None, "wrong_type"),
        ({"a": 1}, "wrong_type"),
        (["B"], "answer_unclear"),
    ],
)
def test_gold_that_cannot_be_decided_says_why(answer: object, reason: str) -> None:
    with pytest.raises(Undecided) as caught:
        gold("choice", answer, MAN)
    assert caught.value.reason == reason


def test_letter_that_is_also_another_options_text_is_the_label() -> None:
    points = letter(["B", "A", "A,B"])
    assert gold("choice", "B", points) == given("choice", "B", points) == "B"
    assert given("multi_choice", "A,B", points) == "A,B"
    assert given("choice", "A. B", points) == "A"
    assert label_of("B", points) == "A"


def test_repeated_option_text_is_decided_by_letter_only() -> None:
    twice = letter(["same", "same", "other"])
    assert gold("choice", "B", twice) == "B"
    assert gold("choice", "B. same", twice) == "B"
    with pytest.raises(Undecided):
        gold("choice", "same", twice)


@pytest.mark.parametrize(("answer", "form"), [("Yes", "yes"), ("no.", "no"), (True, "yes"), ("NO!", "no")])
def test_gold_yes_no(answer: object, form: str) -> None:
    assert gold("yes_no", answer) == form


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("42", "42"),
        ("1,234.50", "1234.5"),
        ("-0.0", "0"),
        ("50%", "50"),
        ("$3.00", "3"),
        ("3.5 m/s", "3.5"),
        ("12 square meters", "12"),
        ("1.5e3", "1500"),
        (".5", "0.5"),
        ("−7", "-7"),
        ("30 °C", "30"),
        ("5 L/min", "5"),
        ("12 people", "12"),
        ("100", "100"),
        ("5 million", "5000000"),
        ("$1.2 billion", "1200000000"),
        ("50 Thousand people", "50000"),
        ("3 hundred", "300"),
        ("2 trillions", "2000000000000"),
    ],
)
def test_number_has_one_spelling(written: str, form: str) -> None:
    assert plain_decimal(written) == form == gold("number", written) == given("number", written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "about 42",
        "42 or 43",
        "3,5",
        "1/2",
        "1e999999999",
        "1e31",
        "9" * 29,
        "nan",
        "inf",
        "4 2",
        "-",
        ".",
        "٤٢",
    ],
)
def test_text_without_one_number_has_no_spelling(written: str) -> None:
    assert plain_decimal(written) is None


@pytest.mark.parametrize(
    "written",
    [
        *("3k", "7 K", "2M", "1.2B", "4bn", "5 million k", "2 dozen", "3 thousandths", "2 thirds"),
        *("2π", "2πr", "3 pi", "3x", "3xy", "2i", "5n", "2e", "5/n", "2π/s", "5²", "10^2"),
        *("1st", "2nd", "3rd", "21ST", "4th", "3 pm", "3 a.m.", "500 BC", "25°E"),
    ],
)
def test_what_changes_a_number_is_no_unit_to_drop(written: str) -> None:
    assert plain_decimal(written) is None
    with pytest.raises(Undecided) as caught:
        gold("number", f"<answer>{written}</answer>")
    assert caught.value.reason == "answer_unclear"


@pytest.mark.parametrize("written", ["1e30", "9.1e-30 kg", "1234567890123456789012345678e30 trillion", "1.5e-30"])
def test_number_is_read_from_its_own_spelling(written: str) -> None:
    form = gold("number", written)
    assert given("number", form) == form


def test_metres_and_millions_differ() -> None:
    assert given("number", "5 m") == "5" != given("number", "5 million") != given("number", "5 thousand")


@pytest.mark.parametrize("kind", ["choice", "multi_choice", "emotion_words"])
@pytest.mark.parametrize("depth", [2, 5000])
def test_gold_list_within_a_list_is_undecided_however_deep(kind: AnswerKind, depth: int) -> None:
    answer: object = "A"
    for _ in range(depth):
        answer = [answer]
    with pytest.raises(Undecided) as caught:
        gold(kind, answer, letter(["red", "blue"]))
    assert caught.value.reason == "answer_unclear"


def test_gold_emotion_words_come_from_lists_and_literals() -> None:
    assert gold("emotion_words", "['Worried', 'angry', 'Angry']") == "angry,worried"
    assert gold("emotion_words", ["Worried", "angry"]) == "angry,worried"
    assert given("emotion_words", "Angry, worried.") == "angry,worried"
    assert given("emotion_words", "he is angry because of the call") is None


def test_free_text_is_kept_as_written() -> None:
    assert gold("free_text", "<answer> A red *car* </answer>") == "A red *car*"
    assert given("ocr", '"EXIT"') == '"EXIT"'
    assert given("free_text", "  ") is None


@pytest.mark.parametrize(
    "said",
    [
        "B",
        "b",
        "B.",
        "(b)",
        "[B]",
        "B)",
        "b. the woman",
        "B. The woman",
        "B the woman",
        "The woman",
        "**B**",
        " B ",
    ],
)
def test_model_choice_with_one_reading_is_read(said: str) -> None:
    assert given("choice", said, MAN) == "B"


@pytest.mark.parametrize(
    "said",
    [
        "A or B",
        "ABCD",
        "because the man said so",
        "A, B",
        "A and B",
        "E",
        "",
        "A. The woman",
        "B. or A.",
        "A man",
        "not B",
        "B. Because",
        "<answer>B</answer>",
        "A B C D",
        "1",
        "?",
        "A/B",
    ],
)
def test_model_choice_without_one_reading_is_no_answer(said: str) -> None:
    assert given("choice", said, MAN) is None


@pytest.mark.parametrize(
    ("said", "label"),
    [
        *(("The answer is B", "B"), ("the answer is (b).", "B"), ("Answer: B", "B"), ("**Answer:** B", "B")),
        *(("My final answer is **B**.", "B"), ("The correct answer is B. The woman", "B"), ("Answer\nB", "B")),
        *(("Option B", "B"), ("option (B)", "B"), ("Option B: The woman", "B"), ("Choice B)", "B"), ("letter b", "B")),
        *(("The answer is option B.", "B"), ("Answer: The best choice is B", "B"), ("Answer: the woman", "B")),
        *(
            ("答案：B", None),
            ("It is B", None),
            ("I choose B", None),
            ("B is correct", None),
            ("So the answer is B", None),
        ),
        *(("B - The woman", None), ("B, The woman", None), ("\\boxed{B}", None), ("B because she smiles", None)),
        *(
            ("The answer is not B", None),
            ("The answer is A or B", None),
            ("Options A and B", None),
            ("Answer: AB", None),
        ),
        *(("The answer is B, not A", None), ("Option B. The man", None), ("The answer is", None), ("Option", None)),
        *(("Optional B", None), ("answer answer answer B", None), ("The answer is E", None), ("B B", None)),
    ],
)
def test_announced_choice_is_read_by_what_is_announced(said: str, label: str | None) -> None:
    assert given("choice", said, MAN) == label


def test_option_that_begins_like_an_announcement_is_itself() -> None:
    acts = letter(["Answer the phone", "The letter A", "Option A"])
    texts = ["answer the phone", "The letter A", "Option A", "The answer is Option A", "Option B", "Answer: option C"]
    assert [given("choice", text, acts) for text in texts] == ["A", "B", "C", "C", "B", "C"]


@pytest.mark.parametrize(
    ("kind", "said", "form"),
    [
        ("multi_choice", "The correct options are A and C.", "A,C"),
        ("multi_choice", "Answers: C, A, C", "A,C"),
        ("yes_no", "The answer is: No.", "no"),
        ("yes_no", "The answer is not known", None),
        ("number", "Answer: 1,200 km", "1200"),
        ("number", "The answer is about 5", None),
        ("emotion_words", "The answer is: angry, Worried", "angry,worried"),
        ("ocr", "Answer: EXIT", "Answer: EXIT"),
        ("free_text", "The answer is a car.", "The answer is a car."),
    ],
)
def test_announcement_is_dropped_for_every_kind_but_text(kind: AnswerKind, said: str, form: str | None) -> None:
    assert given(kind, said, MOODS) == form


def test_label_without_end_is_no_answer() -> None:
    assert given("multi_choice", "A," * 100_000, MOODS) is None
    assert given("multi_choice", "A," * 6, MOODS) == "A"


@pytest.mark.parametrize("flood", ["A", "A,", "a. ", " ", "(", "the ", "answer ", "is ", "**", "9", "1,", "no ", "\n"])
@pytest.mark.parametrize("kind", [*KINDS, "regression"])
def test_flood_is_read_in_proportion_to_its_length(flood: str, kind: AnswerKind) -> None:
    for long in (flood * 50_000, "The answer" + flood * 50_000, "B. " + flood * 50_000):
        found = given(kind, long, MOODS)  # time in its square would be hours
        assert found in (None, "B") or kind in ("ocr", "free_text", "emotion_words")


@pytest.mark.parametrize("said", ["A, C", "A and C", "C,A", "a,c", "A. Urgent, C. Relaxed", "A,A,C", "(A), (C)"])
def test_model_multi_choice_is_read(said: str) -> None:
    assert given("multi_choice", said, MOODS) == "A,C"


@pytest.mark.parametrize("said", ["A, B or C", "ABC", "A C", "A, not C", "A, G", "all of them", ",", "AC"])
def test_model_multi_choice_without_one_reading_is_no_answer(said: str) -> None:
    assert given("multi_choice", said, MOODS) is None


@pytest.mark.parametrize(("said", "form"), [("yes.", "yes"), ("No", "no"), ("*Yes*", "yes")])
def test_model_yes_no_is_read(said: str, form: str) -> None:
    assert given("yes_no", said) == form


@pytest.mark.parametrize(
    "said",
    [
        *("yes and no", "yes no", "yes/no", "not", "know", "cannot know", "yesterday", "none", "nope", "no answer"),
        *("yes, because he smiles", "no, wait, yes", "", "A"),
    ],
)
def test_model_yes_no_without_one_reading_is_no_answer(said: str) -> None:
    assert given("yes_no", said) is None


def test_quoted_option_text_is_read_with_and_without_its_quotes() -> None:
    quoted = letter(["'All right Vegas'", "’Go’"])
    assert given("choice", "A. 'All right Vegas'", quoted) == "A"
    assert given("choice", "all right vegas", quoted) == "A"
    assert given("choice", "Go", quoted) == "B"


def test_canonical_answers_are_read_as_themselves() -> None:
    forms: dict[AnswerKind, str] = {"choice": "B", "multi_choice": "A,C", "yes_no": "no", "number": "-3.5"}
    for kind, form in forms.items():
        assert given(kind, form, MOODS) == form == gold(kind, form, MOODS)


@given_any(
    st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=2, max_size=6),
    st.sampled_from(["choice", "multi_choice"]),
    st.sets(st.integers(0, 5), min_size=1),
)
def test_canonical_labels_are_read_whatever_the_options_say(
    texts: list[str], kind: AnswerKind, chosen: set[int]
) -> None:
    options = letter(texts)
    labels = sorted({options[index % len(options)].label for index in chosen})
    answer = ",".join(labels if kind == "multi_choice" else labels[:1])
    assert given(kind, answer, options) == answer == gold(kind, answer, options)


@given_any(st.text(max_size=40), st.sampled_from(KINDS))
def test_any_text_has_one_reading_or_none(said: str, kind: AnswerKind) -> None:
    found = given(kind, said, MOODS)
    assert found is None or given(kind, found, MOODS) == found
