"""The verdict on a reply, by code alone: the rules of `tasks/rewriting/reasons.py` in their order.

No rule reads the reply for what it asks or claims, so nothing that a row or a writer says can talk a rule round.
"""

from collections.abc import Callable, Iterator

from llm.request import Outcome
from schemas.completion import Completion, parse
from schemas.example import CHOICE_KINDS, Example
from schemas.options import given
from tasks.rewriting.choices import given_away
from tasks.rewriting.form import CONTEXT_WORDS, THINK_WORDS, foreign_share, is_foreign, length_fault, markup, unmarked
from tasks.rewriting.reasoning import LEAST_GROUNDING, argued_otherwise, grounding
from tasks.rewriting.reasons import Fault


def verdict(outcome: Outcome, example: Example) -> Fault | None:
    """What is wrong with the outcome of a rewriting request, None for nothing."""
    if outcome.text is None:
        return Fault(f"llm_{outcome.failure}", outcome.detail, outcome.said)
    completion = parse(outcome.text)
    for reason, rule in _RULES.items():
        if detail := rule(example, completion):
            return Fault(reason, detail, outcome.text)
    return None


def context_of(completion: Completion) -> str:
    return unmarked(completion.body("context"))


def think_of(completion: Completion) -> str:
    return unmarked(completion.body("think"))


def _malformed(example: Example, completion: Completion) -> str:
    del example
    return completion.errors[0] if completion.errors else ""


def _answer_changed(example: Example, completion: Completion) -> str:
    same = given(example.answer_kind, completion.answer, example.options) == example.answer
    return "" if same else f"{completion.answer[:200]!r} instead of {example.answer[:200]!r}"


def _wrong_length(example: Example, completion: Completion) -> str:
    del example
    faults = {
        "context": length_fault(context_of(completion), CONTEXT_WORDS),
        "think": length_fault(think_of(completion), THINK_WORDS),
    }
    return next((f"{name} has {fault}" for name, fault in faults.items() if fault), "")


def _markup(example: Example, completion: Completion) -> str:
    del example
    return next((f"{name} has {found}" for name, text in _texts(completion) if (found := markup(text))), "")


def _wrong_language(example: Example, completion: Completion) -> str:
    foreign = [(name, text) for name, text in _texts(completion) if is_foreign(text, example.question)]
    return next(
        (f"{foreign_share(text, example.question):.0%} of {name} is in another script" for name, text in foreign), ""
    )


def _choice_given_away(example: Example, completion: Completion) -> str:
    found = given_away(example, context_of(completion)) if example.answer_kind in CHOICE_KINDS else ""
    return f"the context says {found[:120]!r}" if found else ""


def _think_argues_otherwise(example: Example, completion: Completion) -> str:
    found = argued_otherwise(example, think_of(completion))
    return f"{found[:120]!r} where the answer is {example.answer!r}" if found else ""


def _think_ungrounded(example: Example, completion: Completion) -> str:
    del example
    share = grounding(think_of(completion), context_of(completion))
    return "" if share >= LEAST_GROUNDING else f"it shares {share:.2f} of its words with the context"


def _texts(completion: Completion) -> Iterator[tuple[str, str]]:
    yield "context", context_of(completion)
    yield "think", think_of(completion)


_RULES: dict[str, Callable[[Example, Completion], str]] = {
    "malformed": _malformed,
    "answer_changed": _answer_changed,
    "wrong_length": _wrong_length,
    "markup": _markup,
    "wrong_language": _wrong_language,
    "choice_given_away": _choice_given_away,
    "think_argues_otherwise": _think_argues_otherwise,
    "think_ungrounded": _think_ungrounded,
}
