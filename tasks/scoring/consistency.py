"""Whether the reasoning of a completion argues for the option that its answer names.

The rule looks at how the reasoning ends: one of its last two sentences has to name exactly one option, by its letter or
in its own words, and must not weigh, deny or doubt. Everything else is not known by rule, and may be asked of a judge.
It is not known either where there is no reasoning, or no answer with a single reading.
"""

import re
from collections.abc import Sequence

from llm.prompts import judge_consistency as prompt
from llm.request import Request
from schemas.completion import Completion
from schemas.example import Example, Option
from schemas.llm import Llm
from schemas.options import given
from training.prompts import question_text
from training.rewards.contract import Group, RewardScore, Rollout
from training.rewards.judged import judged

CONSISTENCY = "consistency"
"""Its name among judgements."""

_SURE = (0.2, 0.8)
"""Up to the first a judge has said no, and from the second on yes; between them nothing is known."""
_LAST = 2
_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_WEIGHING = re.compile(
    r"\b(?:not|no|never|neither|nor|cannot|without|wrong|incorrect|instead|rather|unlike|except|although|though|however|"
    r"but|or|if|unless|whether|maybe|perhaps|possibly|probably|might|may|could|unsure|unclear|exclud\w*|eliminat\w*|"
    r"rul\w* out)\b|n['’]t\b|\?",
    re.IGNORECASE,
)
"""Words after which a sentence that names one option may still not argue for it."""
_NAMED = r"(?:options?|answers?|choices?|letters?)(?:\s+(?:is|are|must\s+be|should\s+be|has\s+to\s+be))?\s*:?\s*"
_LETTER = re.compile(
    rf"\(([A-Z])\)|(?:^|(?<=\s))([A-Z])(?=\)|\s*[.,;:!]?\s*$)|(?i:{_NAMED})([A-Z])(?=\s*(?:[.,;:!)]|$|because\b|since\b))"
)
_YES_NO = re.compile(rf"{_NAMED}(yes|no)\b|\b(yes|no)\W*$", re.IGNORECASE)


def by_rule(example: Example, completion: Completion) -> bool | None:
    """Whether reasoning and answer agree; None where no rule is sure."""
    answer = _answer(example, completion)
    argued = _argued(example, completion.body("think"))
    return None if answer is None or argued is None else argued == answer


def known(example: Example, completion: Completion, judgement: RewardScore | None) -> bool | None:
    """By rule, else by what a judge said of it."""
    ruled = by_rule(example, completion)
    if ruled is not None or judgement is None or judgement.value is None:
        return ruled
    return None if _SURE[0] < judgement.value < _SURE[1] else judgement.value >= _SURE[1]


async def by_judge(group: Group) -> list[RewardScore]:
    """What the rule says where it is sure, else what the group's judge does: 1 agrees, 0 does not."""
    example = group.example

    def ask(judge: Llm, rollout: Rollout) -> Request:
        completion = rollout.completion
        return prompt.request(judge, question_text(example), completion.body("think"), completion.answer)

    return await judged(group, [_open(example, rollout.completion) for rollout in group.rollouts], ask)


def _open(example: Example, completion: Completion) -> RewardScore:
    if not completion.body("think") or _answer(example, completion) is None:
        return RewardScore(value=None, reason="no reasoning, or no answer")
    ruled = by_rule(example, completion)
    return RewardScore(value=None, judged=True) if ruled is None else RewardScore(value=float(ruled))


def _answer(example: Example, completion: Completion) -> str | None:
    return given(example.answer_kind, completion.answer, example.options) if completion.answer else None


def _argued(example: Example, think: str) -> str | None:
    """The label, or yes or no, that the reasoning ends in."""
    sentences = [text for text in _END.split(think) if _WORD.search(text)]
    for sentence in reversed(sentences[-_LAST:]):
        if example.answer_kind == "choice":
            found = _options_named(sentence, example.options)
        elif example.answer_kind == "yes_no":
            found = {(match[1] or match[2]).lower() for match in _YES_NO.finditer(sentence)}
            sentence = _YES_NO.sub("", sentence)
        else:
            return None
        if found:
            return found.pop() if len(found) == 1 and not _weighs(sentence, example.options) else None
    return None


def _weighs(sentence: str, options: Sequence[Option]) -> bool:
    """Whether something in the sentence, the options' own words apart, leaves open what it argues for."""
    for option in options:
        sentence = re.sub(re.escape(option.text), " ", sentence, flags=re.IGNORECASE) if option.text else sentence
    return _WEIGHING.search(sentence) is not None


def _options_named(sentence: str, options: Sequence[Option]) -> set[str]:
    """Labels of the options that stand in a sentence, by letter or whole text; not those that stand within another."""
    labels = {option.label for option in options}
    letters = {letter for match in _LETTER.finditer(sentence) if (letter := match[1] or match[2] or match[3]) in labels}
    words = [word.lower() for word in _WORD.findall(sentence)]
    places = {option.label: _places(words, [word.lower() for word in _WORD.findall(option.text)]) for option in options}
    taken = [span for spans in places.values() for span in spans]
    return letters | {
        label
        for label, spans in places.items()
        if any(not any(_within(span, other) for other in taken) for span in spans)
    }


def _places(words: Sequence[str], wanted: Sequence[str]) -> list[range]:
    length = len(wanted)
    found = (range(first, first + length) for first in range(len(words) - length + 1) if length)
    return [span for span in found if list(words[span.start : span.stop]) == list(wanted)]


def _within(span: range, other: range) -> bool:
    return len(other) > len(span) and other.start <= span.start and span.stop <= other.stop
