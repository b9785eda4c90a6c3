"""How many concrete facts of picture and sound a description states.

The model quotes and does not count: a fact is counted in code, and only where its quotation stands in the description
word for word and shares no words with one counted before. So neither a flattering nor a careless model can add to it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from llm import json_reply
from llm.prompts.asking import MATERIAL, Template, asked, material
from llm.request import Request
from schemas.llm import Llm
from schemas.values import Value

NAME = "specificity"
VERSION = 1

_SYSTEM = (
    "You list the concrete facts that a description of a clip states. A fact is one thing that a viewer or listener "
    "could check: who or what is there and what it looks like, where it is, what it does, how many there are; words "
    "that are said and how, noises, music, silence, when it is heard. Moods, guesses, judgements and statements that "
    "fit any clip are no facts.\n"
    'Reply with one JSON object and nothing else: {"picture": [q, ...], "sound": [q, ...]}. Every q is the quotation '
    "that states one fact: copied letter by letter, as short as it can be, and no words quoted twice. picture: what is "
    f"seen. sound: what is heard. Either list may be empty.\n{MATERIAL}"
)

_TEMPLATE = Template(name=NAME, version=VERSION, system=_SYSTEM, max_tokens=2048)


class Quotations(Value):
    """The form of the reply: one quotation a fact."""

    picture: tuple[str, ...]
    sound: tuple[str, ...]


class Facts(NamedTuple):
    """Facts that a description states. unfound: quotations that are not in it, or of words that were counted before."""

    picture: int
    sound: int
    unfound: int


def request(llm: Llm, description: str) -> Request:
    text = material("description", description)
    return asked(_TEMPLATE, {"description": description}, text, llm, json_reply.schema(Quotations))


def parse(text: str) -> Quotations:
    """Raises ValueError with a one-line reason for a reply of another form."""
    return json_reply.read(text, Quotations)


def count(description: str, quoted: Quotations) -> Facts:
    """The facts whose quotations are found. Spaces and line ends are all one; everything else must agree."""
    counted: list[range] = []
    text = " ".join(description.split())
    picture, sound = (_found(text, quotations, counted) for quotations in (quoted.picture, quoted.sound))
    return Facts(picture, sound, len(quoted.picture) + len(quoted.sound) - picture - sound)


def _found(text: str, quotations: Iterable[str], counted: list[range]) -> int:
    """How many quotations have a place of their own in the text; their places are added to `counted`."""
    before = len(counted)
    for quotation in quotations:
        if place := next(_free(text, " ".join(quotation.split()), counted), None):
            counted.append(place)
    return len(counted) - before


def _free(text: str, quotation: str, counted: list[range]) -> Iterator[range]:
    """Places of whole words that nothing counted touches; none for a quotation without a letter or digit."""
    if re.search(r"[^\W_]", quotation):
        for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(quotation)}(?![A-Za-z0-9])", text):
            if not any(match.start() < place.stop and place.start < match.end() for place in counted):
                yield range(*match.span())
