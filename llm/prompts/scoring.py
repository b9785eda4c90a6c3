"""What the judging prompts share: one number asked for, strictly read.

The reply is {"score": s} with s from 0 to 5. A number beyond either end counts as that end: a judge that writes 5.5
means the top. Whatever is not one finite number under that one key, such as the text "5", is a failure of the judge, as
is a call without an answer. A failure is None: not known, never zero.
"""

from llm import json_reply
from llm.prompts.asking import MATERIAL, Template, asked, material
from llm.request import Outcome, Request
from schemas.llm import Llm
from schemas.values import Value

TOP = 5
REPLY = f'Reply with one JSON object and nothing else: {{"score": s}}, where s is a number from 0 to {TOP}.'


class Score(Value):
    """The form of the reply."""

    score: float


def judging(judge: Llm, name: str, version: int, system: str, fields: dict[str, str]) -> Request:
    """A request for one score. The fields are shown under their names, fenced so that none can end its own fence."""
    template = Template(name=name, version=version, system=f"{system}\n{MATERIAL}\n{REPLY}", max_tokens=64)
    shown = "\n\n".join(material(title, text) for title, text in fields.items())
    return asked(template, fields, shown, judge, json_reply.schema(Score))


def parse(text: str) -> float:
    """The score of a reply as a share of the top, 0 to 1. Raises ValueError for a reply of another form."""
    return min(max(json_reply.read(text, Score).score, 0.0), float(TOP)) / TOP


def score(outcome: Outcome) -> float | None:
    """The score of an outcome, 0 to 1; None when the judge failed or its reply is of another form."""
    if outcome.text is None:
        return None
    try:
        return parse(outcome.text)
    except ValueError:
        return None
