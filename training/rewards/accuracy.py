"""Whether the answer is right, by the rule of its kind.

Only free text needs a judge: every other kind has an exact rule, and a rule cannot be talked round. A
completion with no readable answer scores 0.

| answer_kind   | score                                                                                  |
|---------------|----------------------------------------------------------------------------------------|
| choice        | the same label                                                                         |
| multi_choice  | F1 of the sets of labels                                                               |
| yes_no        | the same word                                                                          |
| number        | the same number, rounded to the decimals of a fractional gold                          |
| regression    | 1 - relative error, at least 0; absolute error for a gold of 0                         |
| ocr           | 1 - word error rate, at least 0; by character in scripts without spaces                |
| emotion_words | F1 of the sets of synonym groups: "joyful" is "happy", "worried" is not "afraid"       |
| free_text     | what a judge says, unless the words are the gold's                                     |
"""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence, Set
from decimal import Decimal, localcontext

from llm.prompts import judge_answer
from llm.request import Request
from schemas.emotions import group_of
from schemas.example import AnswerKind, Example
from schemas.llm import Llm
from schemas.options import given
from training.rewards.contract import Group, RewardScore, Rollout
from training.rewards.judged import judged

# More digits than a canonical answer can have, so that rounding never runs out of precision.
_DIGITS = 200
# Scripts without spaces between words (kana, ideographs, Thai, Lao, Khmer): each character counts as a word.
_UNSPACED = (
    r"\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u0e00-\u0eff\u1780-\u17ff"
)
_UNIT = re.compile(rf"[{_UNSPACED}]|[^{_UNSPACED}]+")


async def accuracy(group: Group) -> list[RewardScore]:
    """The answer of each completion against the gold one, 0 to 1. Raises ValueError for an unknown answer
    kind.
    """
    if group.example.answer_kind == "free_text":
        return await _free_text(group)
    return [_ruled(group.example, rollout) for rollout in group.rollouts]


def agreement(kind: AnswerKind, answer: str, gold: str) -> float:
    """Agreement of two canonical answers of one kind, 0 to 1. Raises ValueError for a kind with no rule."""
    if kind not in _RULES:
        raise ValueError(f"no rule compares answers of kind {kind!r}: add one to training/rewards/accuracy.py")
    return _RULES[kind](answer, gold)


def word_accuracy(answer: str, gold: str) -> float:
    """1 minus the word error rate, at least 0, after Unicode, case, space and edge punctuation are evened
    out.
    """
    wrote, wanted = _units(answer), _units(gold)
    # The distance is at least the difference in length, so a flood of words needs no table to score 0.
    if not wanted or len(wrote) >= 2 * len(wanted):
        return float(wrote == wanted)
    return max(0.0, 1 - _distance(wrote, wanted) / len(wanted))


def label_f1(answer: str, gold: str) -> float:
    """F1 of two comma-separated sets of labels; repeats count once."""
    return _f1(_members(answer), _members(gold))


def emotion_f1(answer: str, gold: str) -> float:
    """F1 of two comma-separated sets of emotion words, of which those of one synonym group are one.

    A word in no group is itself alone.
    """
    wrote, wanted = ({group_of(word) or (word,) for word in _members(text)} for text in (answer, gold))
    return _f1(wrote, wanted)


def relative_accuracy(answer: str, gold: str) -> float:
    """1 - min(1, |answer - gold| / |gold|); for a gold of 0, where that has no value, the absolute error is
    taken.
    """
    error = abs(Decimal(answer) - Decimal(gold))
    scale = abs(Decimal(gold)) or Decimal(1)
    return float(1 - min(Decimal(1), error / scale))


def same_number(answer: str, gold: str) -> float:
    """1 for the same number. More decimals than a fractional gold has are rounded off; 3.4 is still not 3."""
    wrote, wanted = Decimal(answer), Decimal(gold)
    places = -int(wanted.as_tuple().exponent)
    if places <= 0 or abs(wrote) > 2 * abs(wanted):
        return float(wrote == wanted)
    with localcontext(prec=_DIGITS):
        return float(round(wrote, places) == wanted)


def _same(answer: str, gold: str) -> float:
    return float(answer == gold)


def _f1(wrote: Set[Hashable], wanted: Set[Hashable]) -> float:
    both = len(wrote & wanted)
    return 2 * both / (len(wrote) + len(wanted)) if both else 0.0


_RULES: dict[str, Callable[[str, str], float]] = {
    "choice": _same,
    "multi_choice": label_f1,
    "yes_no": _same,
    "number": same_number,
    "regression": relative_accuracy,
    "ocr": word_accuracy,
    "emotion_words": emotion_f1,
}


def _ruled(example: Example, rollout: Rollout) -> RewardScore:
    answer = given(example.answer_kind, rollout.completion.answer, example.options)
    value = 0.0 if answer is None else agreement(example.answer_kind, answer, example.answer)
    return RewardScore(value=value, parts={"answered": float(answer is not None)}, span=rollout.span("answer"))


async def _free_text(group: Group) -> list[RewardScore]:
    def ask(judge: Llm, rollout: Rollout) -> Request:
        return judge_answer.request(judge, group.example.question, group.example.answer, rollout.completion.answer)

    return await judged(group, [_text_rule(group.example, rollout) for rollout in group.rollouts], ask)


def _text_rule(example: Example, rollout: Rollout) -> RewardScore:
    """Silence is wrong and the gold answer itself is right, whatever a judge might say."""
    answer, span = rollout.completion.answer, rollout.span("answer")
    if not answer:
        return RewardScore(value=0.0, parts={"answered": 0.0}, span=span)
    if _units(answer) == _units(example.answer):
        return RewardScore(value=1.0, parts={"answered": 1.0}, span=span)
    return RewardScore(value=None, parts={"answered": 1.0}, span=span, judged=True)


def _members(text: str) -> set[str]:
    return {member.strip() for member in text.split(",") if member.strip()}


def _units(text: str) -> list[str]:
    words = unicodedata.normalize("NFKC", text).casefold().split()
    bare = [word for word in map(_bare, words) if word]
    return [unit for word in (bare or words) for unit in _UNIT.findall(word)]


def _bare(word: str) -> str:
    """The word without punctuation at its edges: `3.14` and `it's` stay whole."""
    kept = [place for place, character in enumerate(word) if not unicodedata.category(character).startswith("P")]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def _distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Levenshtein distance over units; `right` is not empty.

    A column of the table is two integers, whose bits say where it rises and where it falls (Hyyrö 2003): a line of
    `left` costs a few operations on whole columns.
    """
    places: dict[str, int] = {}
    for place, unit in enumerate(right):
        places[unit] = places.get(unit, 0) | 1 << place
    every, last = (1 << len(right)) - 1, 1 << (len(right) - 1)
    rises, falls, distance = every, 0, len(right)
    for unit in left:
        same = places.get(unit, 0)
        level = (((same & rises) + rises) ^ rises) | same | falls
        more, fewer = falls | (every & ~(level | rises)), rises & level
        distance += bool(more & last) - bool(fewer & last)
        more, fewer = (more << 1 | 1) & every, (fewer << 1) & every
        rises, falls = fewer | (every & ~(level | more)), more & level
    return distance
