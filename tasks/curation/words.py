"""Questions as words, so that case, punctuation and spacing do not tell two apart."""

import re
import unicodedata

_CHARACTERS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
"""Kana and Chinese characters, which are written without spaces: each is a word of its own."""
_WORD = re.compile(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+")
_APOSTROPHES = str.maketrans("", "", "'’")

Words = tuple[str, ...]


def words(text: str) -> Words:
    """The words of a text, casefolded, without punctuation: "Doesn't it?" has two."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return tuple(_WORD.findall(plain))


def runs(found: Words, length: int) -> set[Words]:
    """All runs of `length` words next to each other; none in a shorter text."""
    return {found[start : start + length] for start in range(len(found) - length + 1)}
