"""One table of emotion words: which are one meaning, and which only near."""

import pytest

from schemas.emotions import GROUPS, group_of


@pytest.mark.parametrize("words", ["happy joyful joy enjoy", "angry mad furious anger", "worried anxious worry"])
def test_words_of_one_meaning_are_in_one_group(words: str) -> None:
    assert len({group_of(word) for word in words.split()}) == 1


@pytest.mark.parametrize("words", ["happy satisfied amused", "angry annoyed frustrated", "worried afraid nervous"])
def test_words_of_near_meaning_are_in_groups_of_their_own(words: str) -> None:
    assert len({group_of(word) for word in words.split()}) == 3


def test_word_outside_the_table_has_no_group() -> None:
    assert group_of("gruntled") is None and group_of("") is None


def test_table_is_written_as_it_is_looked_up() -> None:
    words = [word for forms in GROUPS.values() for listed in forms for word in listed.split(", ") if word]
    assert len(words) == len(set(words))
    assert all(word == " ".join(word.lower().split()) and group_of(word) for word in words)
