"""How long a clip is, as the label that results are reported by."""

import re

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]?\d)")
_BELOW: tuple[tuple[int, str], ...] = (
    (60, "<1min"),
    (300, "1-5min"),
    (600, "5-10min"),
    (1200, "10-20min"),
)


def length_label(length: object) -> str:
    """Label of a length in seconds or as "MM:SS", whose minutes may pass 59; empty for anything else."""
    if isinstance(length, str):
        return _label(_seconds(length))
    return _label(length) if isinstance(length, (int, float)) and not isinstance(length, bool) else ""


def _label(seconds: float | None) -> str:
    if seconds is None or not seconds > 0:
        return ""
    return next((label for bound, label in _BELOW if seconds < bound), ">20min")


def _seconds(clock: str) -> int | None:
    match = _CLOCK.fullmatch(clock.strip())
    return int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3]) if match else None
