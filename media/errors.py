"""What goes wrong with media is data: one error type, whose message can stand in a row."""

from pathlib import Path

_MOST_CHARACTERS = 160


class MediaError(Exception):
    """A file that cannot be decoded, or not in the asked range. One line: which file, and why."""


def reason(error: Exception, path: Path) -> str:
    """What a decoder said, in one line and without the place of the file: a row is the same wherever its media lie."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.replace(str(path.absolute()), "the file").replace(str(path), "the file")[:_MOST_CHARACTERS]
