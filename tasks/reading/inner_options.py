"""Options that a publisher wrote into the text of the question, one a line, at its end.

    Who opens the door?
    Options:
    A. The woman
    B. Nobody
    Please provide your answer by stating the letter.

Lines are labelled "A. t", "A) t", "(A) t" or "A: t", from A on without a gap. The heading before them and one
line of instruction after them are no part of the question. Anything else around them has no single reading.
"""

import re
from string import ascii_uppercase
from typing import NamedTuple

from schemas.example import AnswerKind, Option
from schemas.options import Undecided, gold, split_option

_LABELLED = re.compile(r"\s*(?:\(([A-H])\)|([A-H])[.):]).*")
_HEADING = re.compile(r"(?:^|(?<=[.?!\n]))\s*(?:options|choices)\s*:?\s*$", re.IGNORECASE)
_INSTRUCTION = re.compile(r"\s*(?:please|answer|select|choose|respond|reply|give|provide|only)\b.*", re.IGNORECASE)
_TAG = re.compile(r"\s*<(?:image|video|audio)>\s*")
_LETTERED = re.compile(r"\s*\(?[A-Ha-h](?:[.):]\s.*|[.)]?\s*)", re.DOTALL)


class Turn(NamedTuple):
    """A question with its canonical answer, as `schemas.example` has them."""

    question: str
    options: tuple[Option, ...]
    kind: AnswerKind
    answer: str


def split_question(text: str) -> tuple[str, tuple[Option, ...]]:
    """The question without its options, and the options: none, or two and more.

    Raises Undecided when labels are out of order or repeat, when an option is alone or has no text, or when other
    text stands between the options or after them.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    labels = {number: _label(match) for number, line in enumerate(lines) if (match := _LABELLED.fullmatch(line))}
    if not labels:
        return text, ()
    first, last = min(labels), max(labels)
    found = list(labels.values())
    if found != list(ascii_uppercase[: len(found)]):
        raise Undecided("options_unclear", f"options in the question are labelled {','.join(found)}")
    if len(found) == 1:
        raise Undecided("too_few_options", f"a choice with one option: {lines[first][:80]!r}")
    after = lines[last + 1 :]
    if last - first + 1 != len(found) or len(after) > 1 or not all(map(_INSTRUCTION.fullmatch, after)):
        raise Undecided("options_unclear", "other text stands among the options or after them")
    return _HEADING.sub("", "\n".join(lines[:first])).strip(), _options(lines[first : last + 1])


def read_turn(text: str, answer: str) -> Turn:
    """A question, its media tags removed, and its answer: a choice where the text holds options, else free text.

    Raises Undecided when the two have no single reading.
    """
    question, options = split_question(_TAG.sub("\n", text).strip())
    if options:
        return Turn(question, options, "choice", gold("choice", answer, options))
    if _LETTERED.fullmatch(answer):
        raise Undecided("label_without_option", f"the answer is {answer[:80]!r} and the question has no options")
    return Turn(question, (), "free_text", answer)


def _options(lines: list[str]) -> tuple[Option, ...]:
    options = tuple(split_option(line) for line in lines)
    if empty := [option.label for option in options if not option.text]:
        raise Undecided("options_unclear", f"option {empty[0]} has no text")
    return options


def _label(match: re.Match[str]) -> str:
    return match[1] or match[2]
