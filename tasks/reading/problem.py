"""Rows in the layout Video-R1 started and HumanOmniV2 kept: problem, its type, options, solution in tags."""

import re
from collections.abc import Container
from typing import NamedTuple

from schemas.completion import TAGS, parse
from schemas.example import CHOICE_KINDS, AnswerKind, Option, Provenance
from schemas.options import gold, read_options, read_plain
from tasks.reading.row import BadRow, Row

KINDS: dict[str, AnswerKind] = {
    "multiple choice": "choice",
    "numerical": "number",
    "OCR": "ocr",
    "free-form": "free_text",
    "regression": "regression",
    "judge": "yes_no",
    "emer_ov_mc": "multi_choice",
}
_THINK = re.compile(r"<think>(.*)</think>", re.DOTALL)
_ONLY_ANSWER = re.compile(r"<answer>[^<]*</answer>")


class Problem(NamedTuple):
    """The question of a row with its answer and, where the publisher ships them, context and reasoning."""

    question: str
    kind: AnswerKind
    options: tuple[Option, ...]
    answer: str
    context: str
    think: str
    provenance: tuple[Provenance, ...]


def read_problem(row: Row, kinds: Container[AnswerKind]) -> Problem:
    """A row of a dataset with these kinds. Raises BadRow or Undecided when the row has no single reading."""
    kind = _kind(row, kinds)
    options = read_choices(row.fields.get("options")) if kind in CHOICE_KINDS else ()
    context, think = _reasoning(row)
    return Problem(
        question=row.text("problem"),
        kind=kind,
        options=options,
        answer=_answer(row, kind, options),
        context=context,
        think=think,
        provenance=published(context=context, think=think),
    )


def read_choices(value: object) -> tuple[Option, ...]:
    """Two options or more, in any form. Raises BadRow or Undecided."""
    return _several(read_options(value))


def plain_choices(value: object) -> tuple[Option, ...]:
    """Two options or more of a publisher who ships texts without labels. Raises BadRow or Undecided."""
    return _several(read_plain(value))


def published(**fields: str) -> tuple[Provenance, ...]:
    """Provenance of the fields that the publisher filled."""
    return tuple(
        Provenance(field=name, provider="publisher", model="", prompt="", request="")
        for name, text in fields.items()
        if text
    )


def _kind(row: Row, kinds: Container[AnswerKind]) -> AnswerKind:
    named = row.text("problem_type")
    if (kind := KINDS.get(named)) is None or kind not in kinds:
        raise BadRow("unknown_problem_type", f"problem type {named[:80]!r}")
    return kind


def _several(options: tuple[Option, ...]) -> tuple[Option, ...]:
    if len(options) < 2:
        raise BadRow("too_few_options", f"a choice with {len(options)} options")
    return options


def _answer(row: Row, kind: AnswerKind, options: tuple[Option, ...]) -> str:
    shipped = [value for name in ("solution", "answer") if (value := row.fields.get(name)) not in (None, "")]
    if not shipped:
        raise BadRow("missing_field", "neither 'solution' nor 'answer'")
    answers = [gold(kind, value, options) for value in shipped]
    if len(set(answers)) > 1:
        raise BadRow("answer_conflict", f"solution says {answers[0][:80]!r}, answer says {answers[1][:80]!r}")
    return answers[0]


def _reasoning(row: Row) -> tuple[str, str]:
    """Context and reasoning from `solution`, or reasoning from `process`; empty where not shipped."""
    solution, process = row.fields.get("solution"), row.text_or_empty("process")
    if not isinstance(solution, str) or _ONLY_ANSWER.fullmatch(solution):  # most rows of the largest sources
        return "", _process(process)
    completion = parse(solution)
    found = {block.name for block in completion.blocks}
    if odd := [tag for tag in TAGS if completion.text.count(tag) != (tag.strip("</>") in found)]:
        raise BadRow("malformed_reasoning", f"solution has {odd[0]} {completion.text.count(odd[0])} times")
    return completion.body("context"), completion.body("think") or _process(process)


def _process(process: str) -> str:
    match = _THINK.fullmatch(process)
    body = match[1].strip() if match else process
    if "<think>" in body or "</think>" in body:
        raise BadRow("malformed_reasoning", "process is not one <think> block")
    return body
