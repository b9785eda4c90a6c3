"""What a file of a dataset may be called, wherever its name comes from: a disk, an archive or the hub.

A name is a POSIX path relative to the dataset's root. Names from outside are refused rather than mended, so that no
two of them ever meet in one file and none leads out of the root.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase

_DRIVE = re.compile(r"[A-Za-z]:")
_LEFTOVERS = "__MACOSX"


def is_hidden(part: str) -> bool:
    """Whether one part of a path is a machine's and no publisher's: `.git`, `.cache`, `.DS_Store`, `__MACOSX`."""
    return part.startswith(".") or part == _LEFTOVERS


def has_hidden_part(name: str) -> bool:
    return any(map(is_hidden, name.split("/")))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of the shell patterns, or there are none; `*` matches across folders."""
    wanted = tuple(patterns)
    return not wanted or any(fnmatchcase(name, pattern) for pattern in wanted)


def fault_of(name: str) -> str | None:
    """Why a name that an archive or the hub gives is refused; None for one that is fine."""
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        return "leads out of the folder"
    if "\\" in name:
        return "has a backslash in its name"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "has characters in its name that are no text"
    return None
