"""Text as the rules compare it: words, counted and cut to their stems, in any script.

A rule must see what a reader sees. `plain` undoes what looks the same and compares unequal: full-width and circled
letters, invisible characters, emphasis marks. No language's grammar is known here: a stem is a word's first letters.
"""

import re
import unicodedata
from itertools import pairwise

STEM = 5
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a about after all also am an and another any are as at be been before being but by can could did do does each "
        "for from had has have he her here him his how i if in into is it its just may might more most my no not now "
        "of off on one only or other our out over own same she should so some such than that the their them then there "
        "these they this those through to too under up very was we were what when where which while who whom why will "
        "with would you your",
    )
)
_INVISIBLE = {"Cf", "Cc", "Co", "Cs"}
_MARKS = "".join(chr(code) for code in range(0x300, 0x2000) if unicodedata.category(chr(code)).startswith("M"))
_UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Han."""
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_][{_MARKS}]*)+")
_ONE_SIGN = re.compile(rf"[{_UNSPACED}]")


def plain(text: str) -> str:
    """The text as it reads: compatibility forms undone, and invisible characters and emphasis marks left out."""
    if text.isascii():
        return text.replace("*", "").replace("`", "")
    seen = unicodedata.normalize("NFKC", text)
    shown = (char for char in seen if char.isspace() or unicodedata.category(char) not in _INVISIBLE)
    return "".join(char for char in shown if char not in "*`")


def words(text: str) -> list[str]:
    """The words in order, case folded; in scripts without spaces every sign is one."""
    return _WORD.findall(plain(text).casefold())


def word_count(text: str) -> int:
    """How many words a text has; two signs of a script without spaces are about one."""
    found = words(text)
    signs = sum(1 for word in found if _ONE_SIGN.fullmatch(word))
    return len(found) - signs + signs // 2


def says(text: list[str], phrase: list[str]) -> bool:
    """Whether the words of a phrase stand in a text's, side by side."""
    return bool(phrase) and f" {' '.join(phrase)} " in f" {' '.join(text)} "


def stems(text: str) -> frozenset[str]:
    """The words that carry content, cut so that "smile", "smiles" and "smiling" are one; pairs of signs for words."""
    found = words(text)
    signs = {one + other for one, other in pairwise(found) if _ONE_SIGN.fullmatch(one) and _ONE_SIGN.fullmatch(other)}
    return frozenset(signs | {_stem(word) for word in found if _carries(word)})


def _carries(word: str) -> bool:
    return word not in _STOP and not _ONE_SIGN.fullmatch(word) and (len(word) > 1 or word.isdigit())


def _stem(word: str) -> str:
    return word[:STEM].rstrip("eiy") if len(word) >= STEM else word
