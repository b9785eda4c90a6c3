"""Rate a row on four dimensions and sort it into a category (the dimensions are OmniVideo-R1's).

Each score, 0 to 1, comes after its reason, so that it follows from it. The context of a row is not shown: a question
is rated by its clip, not by what was written about it. The composite is computed in code, not by the model, so that a
threshold means the same for every provider.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from llm import json_reply
from llm.prompts.asking import MATERIAL, Template, about, material
from llm.request import Request
from schemas.example import Example, Rating
from schemas.llm import Llm
from schemas.values import Value

NAME = "rate"
VERSION = 2
DIMENSIONS = {
    "video_dependency": "1 when the question cannot be answered without the picture, 0 when the picture does not help",
    "audio_dependency": "1 when the question cannot be answered without the sound, 0 when the sound does not help",
    "question_logic": "1 when the question is clear, has one answer, and its options exclude each other",
    "answer_correctness": "1 when the given answer is right by what is seen and heard, 0 when it is wrong",
}
"""What each score says, as the model is told."""

CATEGORIES = {
    "appearance": "which thing, being or place is shown, and what it looks like",
    "position": "where something is, and how things lie to each other",
    "action": "what someone does or how something moves",
    "count": "how many, how often or how much",
    "order": "what comes before, after or together, also across picture and sound",
    "time": "when something happens or how long it lasts",
    "speech": "what is said, by whom or in which way",
    "sound": "what is heard that is not speech: noises, music, silence",
    "text": "what is written in the picture",
    "emotion": "what someone feels or in what mood something is",
    "intent": "what someone wants, means or hides",
    "relation": "how people stand to each other",
    "cause": "why something happens or how one thing leads to another",
    "outlook": "what will or could happen that the clip does not show",
    "knowledge": "what takes facts from outside the clip",
    "summary": "what the clip as a whole is about",
    "other": "none of these",
}
"""The taxonomy: each category and the questions that belong to it."""

_SYSTEM = (
    "You check questions about clips. Reply with one JSON object and nothing else: "
    '{"video_dependency": {"rationale": r, "score": s}, "audio_dependency": {...}, "question_logic": {...}, '
    '"answer_correctness": {...}, "category": c}. Every r is one sentence, and every s a number from 0 to 1 that '
    "follows from it.\n"
    + "".join(f"{name}: {meaning}.\n" for name, meaning in DIMENSIONS.items())
    + "category: the one that tells best what the question asks:\n"
    + "".join(f"- {name}: {meaning}\n" for name, meaning in CATEGORIES.items())
    + MATERIAL
)


class _Judged(Value):
    rationale: str
    score: Annotated[float, Field(ge=0, le=1)]


class _Form(Value):
    """The form of the reply."""

    video_dependency: _Judged
    audio_dependency: _Judged
    question_logic: _Judged
    answer_correctness: _Judged
    category: Literal[tuple(CATEGORIES)]  # type: ignore[valid-type]


_TEMPLATE = Template(name=NAME, version=VERSION, system=_SYSTEM, max_tokens=1024)
_TITLES = {
    "question": "question",
    "options": "options",
    "gold_text": "the given answer",
    "earlier": "your earlier reply",
    "fault": "what was wrong with it",
}
_AGAIN = "Your earlier reply could not be read as a rating. Reply again, with the one JSON object alone."


class Verdict(Value):
    """What a model says of one row: the four ratings in the order of `DIMENSIONS`, and one of `CATEGORIES`."""

    ratings: tuple[Rating, ...]
    category: str


def request(example: Example, llm: Llm, earlier: str = "", fault: str = "") -> Request:
    """The request for one rewritten example. earlier, fault: a first reply, and why it was no rating."""
    fields = {
        "question": example.question,
        "options": "\n".join(f"{option.label}. {option.text}" for option in example.options),
        "gold_text": example.gold_text,
        "context": example.context,
        **({"earlier": earlier, "fault": fault} if fault else {}),
    }
    shown = [material(title, fields[name]) for name, title in _TITLES.items() if fields.get(name)]
    text = "\n\n".join([*shown, *([_AGAIN] if fault else [])])
    return about(example, _TEMPLATE, fields, text, llm, json_reply.schema(_Form))


def parse(text: str) -> Verdict:
    """The ratings and the category of a reply. Raises ValueError with a one-line reason for one of another form."""
    form = json_reply.read(text, _Form)
    judged: dict[str, _Judged] = {name: getattr(form, name) for name in DIMENSIONS}
    ratings = tuple(Rating(name=name, value=one.score, rationale=one.rationale) for name, one in judged.items())
    return Verdict(ratings=ratings, category=form.category)


def composite(ratings: Mapping[str, float]) -> float:
    """One quality number, 0 to 1: the stronger of the two dependencies times the mean of logic and correctness.

    A product, because a row that needs neither picture nor sound teaches nothing about either, however clean it is; a
    mean of the four would let it pass. The stronger dependency, because a question about sound alone is as good as one
    about both. A mean of the last two, because each has its say, and what must not be traded is left to thresholds.
    """
    dependency = max(ratings["video_dependency"], ratings["audio_dependency"])
    return dependency * (ratings["question_logic"] + ratings["answer_correctness"]) / 2
