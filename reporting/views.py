"""The ways in which a model is shown the same examples: what people call each, and what it takes away.

To add a view: its value in `schemas.training.View`, and a line in VIEWS.
"""

from typing import Literal, NamedTuple

from schemas.training import View

Sense = Literal["sound", "picture"]

SENSES: dict[Sense, str] = {"sound": "something heard", "picture": "something seen"}


class Seen(NamedTuple):
    """title: after a model's own, as in "SFT, muted". removes: the senses of which nothing at all is left."""

    title: str
    removes: tuple[Sense, ...]


VIEWS: dict[View, Seen] = {
    "full": Seen("", ()),
    "muted": Seen("muted", ("sound",)),
    "blind": Seen("blinded", ("picture",)),
    "question_only": Seen("question alone", ("sound", "picture")),
    "shuffled_media": Seen("another clip", ()),
    "shifted_audio": Seen("sound shifted", ()),
    "transcript": Seen("words for sound", ()),
}


def titled(stage: str, view: View) -> str:
    """A model's title in one view: "context-first SFT, muted"."""
    seen = VIEWS[view].title
    return f"{stage}, {seen}" if seen else stage
