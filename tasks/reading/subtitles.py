"""Subtitles as plain lines: times, cue names and inline tags removed, rolling repeats collapsed."""

import html
import re

from storage.folder import Folder

_TIMES = re.compile(r"\s*[0-9:.,]+\s*-->\s*[0-9:.,]+.*")
_INLINE = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_NOT_CUES = ("NOTE", "STYLE", "REGION")
_ROLLING = 2


def read_subtitles(folder: Folder, name: str) -> str:
    """Spoken lines of a subtitle file; empty where the folder has none of this name."""
    if name not in folder:
        return ""
    return plain_subtitles(folder.local(name).read_bytes().decode("utf-8-sig", "replace"))


def plain_subtitles(text: str) -> str:
    """Spoken lines of a WebVTT or SubRip text; what automatic captions repeat while they scroll, once."""
    lines: list[str] = []
    for cue in re.split(r"\n\s*\n", text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")):
        for line in _spoken(cue):
            if line not in lines[-_ROLLING:]:
                lines.append(line)
    return "\n".join(lines)


def _spoken(cue: str) -> list[str]:
    """Lines of one cue below its times; none for headers and comments."""
    rows = cue.strip("\n").split("\n")
    starts = [number for number, row in enumerate(rows) if _TIMES.fullmatch(row)]
    if not starts or rows[0].startswith(_NOT_CUES):
        return []
    plain = (html.unescape(_INLINE.sub("", row)).replace("\xa0", " ") for row in rows[starts[0] + 1 :])
    return [line for row in plain if (line := " ".join(row.split())) and not _TIMES.fullmatch(row)]
