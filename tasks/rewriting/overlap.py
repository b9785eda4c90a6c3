"""How much of an answer in emotion words the context already says: a score, and no reason to refuse.

A description of a face that never says "worried" is better evidence than one that does, but publishers' own
descriptions name emotions, so the overlap is reported and a recipe may use it.
"""

from schemas.emotions import group_of
from schemas.example import Example, Rating
from tasks.rewriting.wording import stems

NAME = "emotion_overlap"
_MOST = 0.5


def asks_for_emotions(example: Example) -> bool:
    """Whether the answer is emotion words: as such, or as options most of which name emotions."""
    if example.answer_kind != "multi_choice":
        return example.answer_kind == "emotion_words"
    known = sum(1 for option in example.options if group_of(option.text.strip().lower()))
    return known > _MOST * len(example.options)


def emotion_overlap(example: Example, context: str) -> Rating | None:
    """Share of the gold emotion words that the context says, in any form of the word; None where none is asked for."""
    if not asks_for_emotions(example):
        return None
    gold, described = _gold_words(example), stems(context)
    said = [word for word in gold if stems(word) and stems(word) <= described]
    kept = [word for word in gold if word not in said]
    rationale = f"said in the context: {', '.join(said) or 'none'}; not said: {', '.join(kept) or 'none'}"
    return Rating(name=NAME, value=len(said) / len(gold), rationale=rationale)


def _gold_words(example: Example) -> list[str]:
    texts = {option.label: option.text for option in example.options}
    return [texts.get(part, part) for part in example.answer.split(",")]
