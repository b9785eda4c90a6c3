"""Whether reasoning rests on its context, and whether it ends where the answer stands.

Both rules look for gross faults and leave the fine judgement to raters: a rule that refuses good reasoning costs more
than one that lets some weak reasoning pass.
"""

import re

from schemas.example import CHOICE_KINDS, Example, Option
from schemas.options import given
from tasks.rewriting.choices import ALONE, long_options, named_options
from tasks.rewriting.wording import plain, says, stems, words

LEAST_GROUNDING = 0.2
"""Published traces have 0.39 to 0.9; the reasoning of one clip under the context of a like one has 0.27 in the median,
and reasoning about something else is under 0.18 in 99 of 100."""

_ENDING = 200
"""Characters in which the letters stand that a sentence ends in."""
_COMPARED = CHOICE_KINDS | {"yes_no", "number"}
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+|(?<=[。！？])\s*|\n+")
_STATED = re.compile(
    r"\b(?:answer|choice|option)s?\s*(?:is|are|must be|should be|would be|:)\s*:?\s*([^\n]+?)(?=[.!?](?:\s|$)|\s*$|\n)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|never|nor|neither|unlike|instead|rather|than|except|wrong|incorrect|false)\b|n['’]t\b"
    r"|\b(?:exclud|eliminat|contradict)|\brul(?:e|es|ed|ing) out\b|不|没|非",
    re.IGNORECASE,
)


def grounding(think: str, context: str) -> float:
    """Shared content words, as a share of the shorter text's: a short thought may use a little of a long context, and
    a long one may add much to a short context."""
    thought, described = stems(think), stems(context)
    return len(thought & described) / min(len(thought), len(described)) if thought and described else 0.0


def argued_otherwise(example: Example, think: str) -> str:
    """The place where reasoning ends in another answer than the gold one; empty if it does not.

    It does where its last statement "the answer is ..." can be read and is another answer; or where its last sentence
    names another option and not the gold one, and denies nothing. An option is named by its letter, or by a text of
    three words or more, or by any text that is the reasoning's very end.
    """
    text = plain(think)
    return _stated_otherwise(example, text) or (
        _named_otherwise(example, _last_sentence(text)) if example.answer_kind in CHOICE_KINDS else ""
    )


def _stated_otherwise(example: Example, text: str) -> str:
    if example.answer_kind not in _COMPARED:
        return ""
    read = [(found[0], given(example.answer_kind, found[1], example.options)) for found in _STATED.finditer(text)]
    stated = [(said, answer) for said, answer in read if answer is not None]
    if not stated:
        return ""
    said, answer = stated[-1]
    return said if set(answer.split(",")) - set(example.answer.split(",")) else ""


def _named_otherwise(example: Example, sentence: str) -> str:
    gold = set(example.answer.split(","))
    ending = _labels_at_end(sentence, example.options)
    named = {found.label for found in named_options(sentence, example.options)} | ending | _said(example, sentence)
    if not named - gold or _DENIED.search(sentence):
        return ""
    is_list = len(ending) > 1 and bool(ending - gold)
    return sentence[-80:] if is_list or not (named & gold or _says_gold(example, sentence)) else ""


def _labels_at_end(sentence: str, options: tuple[Option, ...]) -> set[str]:
    """The letters that a sentence ends in: "so it is B", "A, C and D."."""
    label = "|".join(re.escape(option.label) for option in options)
    found = re.search(rf"{ALONE}((?:(?:{label})\s*(?:,|;|&|and)\s*(?:and\s+)?)*(?:{label}))\W*$", sentence[-_ENDING:])
    return set(re.findall(label, found[1].replace("and", ""))) if found else set()


def _said(example: Example, sentence: str) -> set[str]:
    """Labels of the long options that a sentence says, and of any that it ends in."""
    spoken = words(sentence)
    long = {option.label for option in long_options(example.options) if says(spoken, words(option.text))}
    texts = {option.label: words(option.text) for option in example.options}
    return long | {label for label, text in texts.items() if text and spoken[-len(text) :] == text}


def _says_gold(example: Example, sentence: str) -> bool:
    spoken = words(sentence)
    gold = set(example.answer.split(","))
    return any(says(spoken, words(option.text)) for option in example.options if option.label in gold)


def _last_sentence(text: str) -> str:
    sentences = [part for part in _SENTENCE_END.split(text) if part.strip()]
    return sentences[-1] if sentences else ""
