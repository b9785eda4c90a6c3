"""What every publisher's layout provides: media files of a clip, and files that describe all clips."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from corpus.plan import Clip


class Layout(NamedTuple):
    """files: paths of a clip's media files, relative to the source's folder. write: the annotation files."""

    files: Callable[[Clip], tuple[str, ...]]
    write: Callable[[Path, Sequence[Clip]], None]


def write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def lettered(options: Sequence[str], space: str = " ") -> list[str]:
    """Options with their letters: ["A. red", ...]."""
    return [f"{letter}.{space}{text}" for letter, text in zip("ABCDEF", options, strict=False)]
