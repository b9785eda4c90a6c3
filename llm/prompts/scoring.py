"""What the judging prompts share: one number asked for, strictly read.

The reply is {"score": s} with s from 0 to 5. Anything else is a failure of the judge, and a failure is None: not
known, never zero.
"""

import json

from llm.request import Message, Outcome, Request, Text
from schemas.training import Judge

TOP = 5
REPLY = f'Reply with one JSON object and nothing else: {{"score": s}}, where s is a number from 0 to {TOP}.'


def judging(judge: Judge, name: str, version: int, system: str, fields: dict[str, str]) -> Request:
    """A request for one score; the fields are shown under their names, fenced, as material and not as orders."""
    shown = "\n\n".join(f"[{title}]\n{text}\n[end of {title}]" for title, text in fields.items())
    return Request(
        provider=judge.provider,
        model=judge.model,
        prompt=name,
        version=version,
        messages=(
            Message(role="system", parts=(Text(text=f"{system}\n{REPLY}"),)),
            Message(role="user", parts=(Text(text=shown),)),
        ),
        fields=fields,
        max_tokens=64,
    )


def score(outcome: Outcome) -> float | None:
    """The score as a share of the top, 0 to 1; None when the judge failed or its reply is not of the asked form."""
    if outcome.text is None:
        return None
    try:
        value = json.loads(outcome.text)["score"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    return min(max(float(value), 0.0), float(TOP)) / TOP
