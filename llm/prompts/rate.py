"""Rate a row on four dimensions and sort it into a category (the dimensions are OmniVideo-R1's).

Each score is asked for with its reason first-hand, 0 to 1 in one decimal. The composite is computed in code, not by
the model, so that a threshold means the same for every provider.
"""

import json

from pydantic import StrictFloat

from llm.prompts.asking import Template, about
from llm.request import Outcome, Request
from schemas.example import Example, Rating
from schemas.values import Value

NAME = "rate"
VERSION = 1
DIMENSIONS = ("video_dependency", "audio_dependency", "question_logic", "answer_correctness")
CATEGORIES = ("perception", "counting", "temporal", "emotion", "intent", "knowledge", "text", "other")

_SYSTEM = (
    "You check questions about clips. Reply with one JSON object and nothing else: "
    '{"video_dependency": {"score": s, "rationale": r}, "audio_dependency": {...}, "question_logic": {...}, '
    '"answer_correctness": {...}, "category": c}. Every s is a number from 0 to 1, every r one sentence.\n'
    "video_dependency: 1 when the question cannot be answered without the picture, 0 when the picture does not help.\n"
    "audio_dependency: the same for the sound.\n"
    "question_logic: 1 when the question is clear, has one answer, and its options exclude each other.\n"
    "answer_correctness: 1 when the given answer is right by what is seen and heard.\n"
    f"category: one of {', '.join(CATEGORIES)}."
)


class _Score(Value):
    score: StrictFloat
    rationale: str


class _Reply(Value):
    video_dependency: _Score
    audio_dependency: _Score
    question_logic: _Score
    answer_correctness: _Score
    category: str


_TEMPLATE = Template(name=NAME, version=VERSION, system=_SYSTEM, max_tokens=512)


def request(example: Example, provider: str, model: str) -> Request:
    """The request for one rewritten example."""
    fields = {
        "question": example.question,
        "options": "\n".join(f"{option.label}. {option.text}" for option in example.options),
        "gold_text": example.gold_text,
        "context": example.context,
    }
    text = "\n\n".join(
        f"{title}:\n{fields[name]}"
        for name, title in {"question": "Question", "options": "Options", "gold_text": "Answer"}.items()
        if fields[name]
    )
    return about(example, _TEMPLATE, fields, text, provider, model)


def parse(outcome: Outcome) -> tuple[tuple[Rating, ...], str]:
    """The four ratings and the category. Raises ValueError for a reply that is not of the asked form."""
    if outcome.text is None:
        raise ValueError(f"{outcome.failure}: {outcome.detail}")
    try:
        reply = _Reply.model_validate(json.loads(outcome.text))
    except (ValueError, RecursionError) as error:  # endless brackets and digits are what a stuck model writes
        raise ValueError(f"unparsable rating: {str(error).splitlines()[0]}") from error
    if reply.category not in CATEGORIES:
        raise ValueError(f"unknown category {reply.category!r}")
    scores = [(name, getattr(reply, name)) for name in DIMENSIONS]
    if outside := [name for name, score in scores if not 0 <= score.score <= 1]:
        raise ValueError(f"{outside[0]} is not between 0 and 1")
    return tuple(Rating(name=name, value=score.score, rationale=score.rationale) for name, score in scores), (
        reply.category
    )


def composite(ratings: dict[str, float]) -> float:
    """One quality number, 0 to 1: the mean of logic and correctness, times the stronger of the two dependencies.

    A row that needs neither picture nor sound is worth nothing here however clean it is, which a plain mean of the
    four would hide.
    """
    dependency = max(ratings["video_dependency"], ratings["audio_dependency"])
    return dependency * (ratings["question_logic"] + ratings["answer_correctness"]) / 2
