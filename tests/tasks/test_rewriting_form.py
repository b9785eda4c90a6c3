"""The form of a written text: prose of some length, in the script of the question."""

import pytest

from tasks.rewriting.form import is_foreign, length_fault, markup, unmarked
from tasks.rewriting.wording import says, stems, word_count, words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# Scene\nA man sits.", "heading"),
        ("A man.\n### Sound\nA bell.", "heading"),
        ("He holds:\n- a cup\n- a pen", "bullet"),
        ("• a cup", "bullet"),
        ("* a cup", "bullet"),
        ("1. He enters.\n2. He sits.", "numbered list"),
        ("1) He enters,\nslowly.\n2) He sits.", "numbered list"),
        ("He is **sad.", "half a bold"),
        ("```\nA man\n```", "code fence"),
        ("| who | what |\n|---|---|", "table"),
        ("A man.\n---\nA bell.", "line"),
        ("See [the clip](http://clip).", "link"),
        ("A man<br/>sits.", "HTML"),
        ("A <b>man</b> sits.", "HTML"),
        ("A man. <THINK>", "HTML"),
        ("{'video': 'A man sits.', 'audio': 'A bell.'}", "a literal"),
        ('["A man sits."]', "a literal"),
    ],
)
def test_mark_of_layout_is_found(text: str, name: str) -> None:
    assert markup(text).startswith(f"{name}: ")


@pytest.mark.parametrize(
    "text",
    [
        "A man sits - slowly - and says: 'no'.",
        "He is number 1. She is number 2.",
        "He wins set #1 and writes a_b in C#.",
        "x < y and z > w, so 2 * 3 * 4 = 24 and 2**3 = 8.",
        "[Music] A man hums. [Applause]",
        "He says {sic} and goes, well... away_",
        "3. 14 is what he reads, all in one line.",
    ],
)
def test_plain_prose_is_no_markup(text: str) -> None:
    assert markup(unmarked(text)) == ""


@pytest.mark.parametrize(
    ("marked", "prose"),
    [
        ("She is **Worried** and **not** *that* sad.", "She is Worried and not that sad."),
        ("***Very*** sad, __truly__.", "Very sad, truly."),
        ("2 * 3 * 4, 2**3**4 and a_b__c", "2 * 3 * 4, 2**3**4 and a_b__c"),
    ],
)
def test_emphasis_is_taken_off_and_what_it_marks_is_kept(marked: str, prose: str) -> None:
    assert unmarked(marked) == prose


@pytest.mark.parametrize(("count", "fault"), [(2, "2 words, not 3 to 5"), (3, ""), (5, ""), (6, "6 words, not 3 to 5")])
def test_length_is_bounded_at_both_ends(count: int, fault: str) -> None:
    assert length_fault(" ".join(["word"] * count), (3, 5)) == fault


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("A man's dog -- 3.5 years.", 7),
        ("", 0),
        ("...", 0),
        ("他想早点离开聚会", 4),
        ("नमस्ते दुनिया", 2),
        ("привет, мир", 2),
    ],
)
def test_words_are_counted_in_any_script(text: str, count: int) -> None:
    assert word_count(text) == count


def test_invisible_letters_split_no_word() -> None:
    assert words("op\u200btion\u00ad B\u2060") == ["option", "b"]


def test_phrase_is_found_as_whole_words_alone() -> None:
    assert says(words("He is tired, now."), words("IS TIRED"))
    assert not says(words("He is tiredly now"), words("is tired"))
    assert not says(words("He is tired"), [])


def test_forms_of_a_word_have_one_stem_and_small_words_none() -> None:
    assert stems("smile smiles smiling smiled, worry worried") == {"smil", "worr"}
    assert stems("the of and he is a B") == frozenset()
    assert stems("他累了") == {"他累", "累了"}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does he say?", "Он говорит, что устал и хочет домой."),
        ("What does he say?", "他说他很累，想早点回家。"),
        ("他在说什么?", "He says that he is tired and wants to go home."),
        ("彼は何と言いますか", "He says that he is tired."),
        ("그는 무엇을 말합니까", "He says that he is tired."),
    ],
)
def test_text_in_another_script_than_the_question_is_foreign(question: str, text: str) -> None:
    assert is_foreign(text, question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does he say?", "He says '我哪知道啊，我也没有这方面的经验' and laughs at the nurse."),
        ("彼は何と言いますか", "彼は疲れたと言って笑う。"),
        ("Harry Potter 在说什么?", "Harry Potter 说他很累，想早点回家。"),
        ("What is said?", "Ｈｅ ｓａｙｓ ｉｔ ａｌｏｕｄ."),
        ("1 + 1 = ?", "两个苹果"),
        ("What is said?", "1 2 3"),
    ],
    ids=["quoted", "kana and Han", "a foreign name", "full width", "no letters asked", "no letters written"],
)
def test_text_in_the_script_of_the_question_may_quote_another(question: str, text: str) -> None:
    assert not is_foreign(text, question)
