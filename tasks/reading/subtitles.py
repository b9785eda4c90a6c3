"""Subtitles as plain lines: times, cue names, comments and tags removed, captions that roll said once."""

import codecs
import html
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from storage.folder import Folder
from tasks.reading.row import BadRow

_TIMES = re.compile(r"\s*[0-9]+:[0-9:.,]+\s*-->\s*[0-9]+:[0-9:.,]+.*")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[0-9]+:[0-9:.]+>|\{\\[^{}]*\}")
_COMMENT = re.compile(r"\n\n(?:NOTE|STYLE|REGION)(?:[ \t].*)?(?:\n.+)*")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_subtitles(folder: Folder, name: str) -> str:
    """Spoken lines of a subtitle file in UTF-8 or, where it says so itself, UTF-16; empty where the folder has none.

    Raises BadRow for any other content: which of the many older codecs it has would be a guess.
    """
    if name not in folder:
        return ""
    content = folder.local(name).read_bytes()
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8")
    except UnicodeDecodeError as error:
        raise BadRow("unreadable_subtitles", f"{name}: byte {error.start} is no {error.encoding} text") from error
    if "\0" in text:
        raise BadRow("unreadable_subtitles", f"{name} holds null characters")
    return plain_subtitles(text)


def plain_subtitles(text: str) -> str:
    """Spoken lines of a WebVTT or SubRip text; what WebVTT captions repeat while they scroll up, once."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    rolls = text.startswith("WEBVTT")
    lines: list[str] = []
    before: list[str] = []
    for cue in _cues((_COMMENT.sub("\n", text) if rolls else text).split("\n")):
        spoken = [line for row in cue if (line := _plain(row))]
        lines += spoken[_scrolled(before, spoken) if rolls else 0 :]
        before = spoken
    return "\n".join(lines)


def _cues(rows: Sequence[str]) -> Iterator[Sequence[str]]:
    """Rows of each cue, from below its times to the next cue's, whatever is empty among them."""
    starts = [place for place, row in enumerate(rows) if _TIMES.fullmatch(row)]
    for start, following in pairwise([*starts, len(rows)]):
        cue = rows[start + 1 : following]
        named = following < len(rows) and len(cue) > 1 and cue[-1].strip() and not cue[-2].strip()
        yield cue[:-1] if named else cue


def _plain(row: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", row)).split())


def _scrolled(before: list[str], spoken: list[str]) -> int:
    """How many lines at the start of a cue are those at the end of the cue before."""
    shorter = min(len(before), len(spoken))
    return max(count for count in range(shorter + 1) if before[len(before) - count :] == spoken[:count])
