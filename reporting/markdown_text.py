"""Markdown of any text: tables and paragraphs in which it stays text."""

import re
from collections.abc import Sequence

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = re.compile(r"[\\`*_\[\]|#~$@]|(?<=\w):(?=//)|(?i:(?<=\bwww)\.)")
_LIST = re.compile(r"^(\d*)(?=[-+=!.)])")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A Markdown table whose first `words` columns are words, the rest numbers."""
    rule = ["---" if place < words else "---:" for place in range(len(head))]
    lines = [map(plain, head), rule, *(map(plain, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(text: str) -> str:
    """Plain text that begins a line: no list, no rule."""
    return _LIST.sub(r"\1\\", plain(text))


def plain(text: str) -> str:
    """Text that stays text: no markup, no link that was not meant, no new row or column."""
    marked = _MARKS.sub(r"\\\g<0>", " ".join(text.split()))
    return "".join(_ENTITIES.get(letter, letter) for letter in marked)
