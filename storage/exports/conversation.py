"""One example as a trainer meets it: a system turn, a question with its media in order, and what to write.

All three projects mark where a medium goes with `<image>`, `<video>` and `<audio>` in the text and count these marks. A
text that holds one of its own cannot be told from them, so its row is left out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.example import Example, Media, MediaKind

MARKS: dict[MediaKind, str] = {"image": "<image>", "video": "<video>", "audio": "<audio>"}


class Asked(NamedTuple):
    """The words of a conversation. parts: media in the order of the prompt, a clip's sound after it as `audio`.

    reply: what the assistant should write; None where the example has no such text, for the reason in `unwritten`.
    """

    system: str
    question: str
    parts: Sequence[tuple[MediaKind, Media]]
    reply: str | None
    unwritten: str = ""


Ask = Callable[[Example], Asked]


class Conversation(NamedTuple):
    """An asked example whose media lie in the export. files: by kind, in order, relative to the export's folder."""

    example: Example
    asked: Asked
    files: dict[MediaKind, list[str]]

    @property
    def split(self) -> str:
        return self.example.split or "train"

    @property
    def kinds(self) -> str:
        """What is shown: `video-audio`, or `text` for a question without media."""
        return "-".join(kind for kind in ("image", "video", "audio") if self.files.get(kind)) or "text"

    @property
    def prompt(self) -> str:
        """The user's turn, with a mark for each medium."""
        return "".join(MARKS[kind] for kind, _ in self.asked.parts) + self.asked.question


class LeftOut(Exception):
    """A row that another trainer could not be given as it is. reason: a fixed word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def check(asked: Asked, needs_reply: bool) -> None:
    """Raises LeftOut for a row without a reply that needs one, for marks within its texts, and for part of a file."""
    if needs_reply and asked.reply is None:
        raise LeftOut("no_reply", asked.unwritten)
    for text in (asked.system, asked.question, asked.reply or ""):
        if found := [mark for mark in MARKS.values() if mark in text]:
            raise LeftOut("mark_in_text", f"a text holds {found[0]}, which would be counted as a medium")
    for _, medium in asked.parts:
        if medium.start is not None or medium.end is not None:
            raise LeftOut("part_of_a_file", f"only {medium.start} to {medium.end} s of {medium.path} are shown")
