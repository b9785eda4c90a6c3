"""The form of a written text, whatever it says: its length, its language, and marks that are no prose."""

import re
import unicodedata
from collections import Counter

from tasks.rewriting.wording import plain, word_count

CONTEXT_WORDS = (3, 700)
THINK_WORDS = (3, 1200)
"""Least and most words. The least is what a rule can say of a still picture; the most is several times the longest
context and twice the longest reasoning of the published traces (180 and 523 words)."""

_HTML = "a|b|blockquote|body|br|code|div|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|script|span|strong|sub|sup"
_HTML += "|table|tbody|td|th|thead|tr|u|ul|context|think|answer"
MARKUP: dict[str, re.Pattern[str]] = {
    "heading": re.compile(r"^ {0,3}#{1,6}\s+\S", re.MULTILINE),
    "bullet": re.compile(r"^[ \t]*[-*+•‣▪◦]\s+\S", re.MULTILINE),
    "numbered list": re.compile(
        r"^[ \t]*\d{1,2}[.)]\s+\S[^\n]*$(?:\n(?![ \t]*\d{1,2}[.)]\s).*)*\n[ \t]*\d{1,2}[.)]\s", re.MULTILINE
    ),
    "half a bold": re.compile(r"(?<![\w*])\*\*(?=\w)|(?<=[\w.,;:!?])\*\*(?![\w*])"),
    "code fence": re.compile(r"```|~~~"),
    "table": re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.MULTILINE),
    "line": re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*$", re.MULTILINE),
    "link": re.compile(r"\[[^\[\]\n]*\]\([^()\s]*\)"),
    "HTML": re.compile(rf"</?(?:{_HTML})(?:\s[^<>]*)?/?>", re.IGNORECASE),
    "a literal": re.compile(r"\s*(?:\{\s*['\"][\s\S]*\}|\[\s*[{'\"][\s\S]*\])\s*\Z"),
}
"""Marks that no speaker would say. `a literal` is a dict or list in place of prose; it is matched from the start."""

_BOLD = re.compile(r"(?<!\w)(\*\*\*|\*\*|__)(?=\S)([^\n]{1,300}?)(?<=\S)\1(?!\w)")
_ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,300}?)(?<=\S)\*(?![\w*])")

_FEW_LETTERS = 3
_OWN_SHARE = 0.2
_LEAST_SHARE = 0.5


def unmarked(text: str) -> str:
    """The text without emphasis marks: what they enclose is prose, and a quarter of published reasoning has some."""
    return _ITALIC.sub(r"\1", _BOLD.sub(r"\2", text))


def markup(text: str) -> str:
    """The first mark found and where, empty for prose."""
    for name, pattern in MARKUP.items():
        if found := pattern.match(text) if name == "a literal" else pattern.search(text):
            return f"{name}: {found[0].strip()[:60]!r}"
    return ""


def length_fault(text: str, bounds: tuple[int, int]) -> str:
    """What is wrong with a text's length, empty where nothing is."""
    count, (least, most) = word_count(text), bounds
    return "" if least <= count <= most else f"{count} words, not {least} to {most}"


def foreign_share(text: str, question: str) -> float:
    """Share of a text's letters in scripts that the question is not written in; 0 where that cannot be told.

    A script of a fifth of the question's letters is its own too: a foreign name does not change its language.
    """
    asked, found = scripts(question), scripts(text)
    if asked.total() < _FEW_LETTERS or not found:
        return 0.0
    own = [name for name, count in asked.items() if count >= _OWN_SHARE * asked.total()]
    return 1 - sum(found[name] for name in own) / found.total()


def is_foreign(text: str, question: str) -> bool:
    """Whether less than half of a text is written as the question is; what is quoted may be in any script."""
    return foreign_share(text, question) > 1 - _LEAST_SHARE


def scripts(text: str) -> Counter[str]:
    """Letters by script, as Unicode names it; Chinese and Japanese signs are one, because both write Han."""
    return Counter(_script(char) for char in plain(text) if char.isalpha())


def _script(char: str) -> str:
    name = unicodedata.name(char, "?").partition(" ")[0]
    return "CJK" if name in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else name
