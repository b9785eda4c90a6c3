"""A choice of six from the emotion words that annotators wrote freely, for answers that can be scored by label.

Words of one meaning become one option, under the first word written. The wrong options are of groups that are neither
the gold's nor near them, so that none of them could be said of the clip by another name; a word that is in no group
rejects the row, because a wrong option might be its synonym. "Positive" and "negative" name no emotion: they are no
options and only keep wrong options off their side. The draw follows the row's identity alone.
"""

import random
from collections.abc import Iterable
from typing import NamedTuple

from schemas.canonical import fingerprint
from schemas.emotions import GROUPS
from schemas.example import Option
from schemas.options import letter
from tasks.reading.emotion_nearness import NEAR, NEGATIVE, POSITIVE
from tasks.reading.row import BadRow, Row

QUESTION = "Which of these emotions does the person in the video show? There may be several."
OPTIONS = 6
_FORMS = ("adjective", "noun", "other")


class Choice(NamedTuple):
    """Six options and the sorted labels of those that are true: "A,C"."""

    options: tuple[Option, ...]
    answer: str


class _Word(NamedTuple):
    group: str
    form: int


def emotion_choice(row: Row, labels: Iterable[str]) -> Choice:
    """The choice that a row's emotion words make; the same for the same row in every run.

    Raises BadRow for a word that is in no group, and where the words leave no room for a wrong option.
    """
    words = [" ".join(label.lower().split()) for label in labels]
    gold = _by_group([word for word in words if word not in _SIDES])
    barred = _barred(gold, words)
    free = [name for name, (adjectives, *_) in GROUPS.items() if adjectives and name not in barred]
    if len(gold) >= OPTIONS or len(gold) + len(free) < OPTIONS:
        raise BadRow("too_many_emotions", f"{len(gold)} emotions that differ, {len(free)} others to set against them")
    draw = random.Random(fingerprint([row.source, row.key]))
    forms = [_WORDS[word].form for word in gold.values()]
    wrong = [_plainest(name, draw.choice(forms)) for name in draw.sample(free, OPTIONS - len(gold))]
    texts = draw.sample([*gold.values(), *wrong], OPTIONS)
    options = letter(texts)
    return Choice(options, ",".join(option.label for option in options if option.text in gold.values()))


def near(group: str) -> frozenset[str]:
    """The groups, itself among them, that could be taken for `group`."""
    return _NEAR[group]


def _by_group(words: list[str]) -> dict[str, str]:
    """Group -> the first of the words that is in it."""
    if unknown := [word for word in words if word not in _WORDS]:
        raise BadRow("unknown_emotion", f"{unknown[0][:80]!r} is in no group of emotion words")
    if not words:
        raise BadRow("unknown_emotion", "no word names an emotion")
    gold: dict[str, str] = {}
    for word in words:
        gold.setdefault(_WORDS[word].group, word)
    return gold


def _barred(gold: Iterable[str], words: Iterable[str]) -> set[str]:
    return set().union(*map(near, gold), *(_SIDES[word] for word in words if word in _SIDES))


def _plainest(group: str, form: int) -> str:
    adjectives, nouns, _ = GROUPS[group]
    return (nouns if _FORMS[form] == "noun" else adjectives).split(", ")[0]


def _words() -> dict[str, _Word]:
    return {
        word: _Word(group, form)
        for group, forms in GROUPS.items()
        for form, listed in enumerate(forms)
        for word in listed.split(", ")
        if word
    }


def _near() -> dict[str, frozenset[str]]:
    pairs = {(name, other) for name, others in NEAR.items() for other in others.split()}
    both = pairs | {(other, name) for name, other in pairs} | {(name, name) for name in GROUPS}
    return {name: frozenset(other for one, other in both if one == name) for name in GROUPS}


def _sides() -> dict[str, frozenset[str]]:
    return {word: frozenset(groups.split()) for words, groups in (POSITIVE, NEGATIVE) for word in words.split(", ")}


_WORDS = _words()
_NEAR = _near()
_SIDES = _sides()
