"""What one prediction is worth: its outcome, its value and where it counts.

The rules are those of training: an answer is read by `schemas.options.given` and compared by
`training.rewards.accuracy.agreement`.

| outcome    | when                                                                         | value            |
|------------|------------------------------------------------------------------------------|------------------|
| answered   | it says something; an answer with no single reading is `unread` and wrong    | the rule's       |
| unanswered | nothing was answered, or not in the protocol's form                          | 0                |
| load_error | the media could not be read                                                  | not known        |
| unjudged   | free text, which no rule compares                                            | not known        |
"""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Literal, NamedTuple

from schemas.completion import parse, visible
from schemas.example import CHOICE_KINDS, AnswerKind, Example, Option
from schemas.options import Undecided, given, gold, label_of, read_options, read_plain
from tasks.reading.lengths import length_label
from tasks.reading.problem import KINDS
from tasks.reading.row import BadRow, Row
from tasks.scoring.metrics import Breakdown, Metric
from training.rewards.accuracy import agreement

Protocol = Literal["tagged", "direct"]
Outcome = Literal["answered", "unanswered", "load_error", "unjudged"]

_OPENING = "<answer>"
_LETTERS = tuple(Option(label=label, text="") for label in ascii_uppercase)
"""Of a choice whose options are not stated: a letter alone can be read, and no text."""
_YES_NO = (Option(label="A", text="yes"), Option(label="B", text="no"))
_WORDS = {option.label: option.text for option in _YES_NO}
_VIDEOS = ("video", "video_id", "videoID", "video ID", "key", "video_path", "path")


class Reading(NamedTuple):
    """How answers are read. letters: A is yes and B is no."""

    protocol: Protocol = "tagged"
    letters: bool = False


class Mark(NamedTuple):
    """One scored prediction.

    id: the publisher's, empty where there is none. group: its video, empty where that is not stated. labels: the
    metric's categories, several of one joined by commas. read: whether the answer has a reading. lettered: a yes or no
    that was given as a letter and not read. bare: a choice whose options are not stated.
    """

    id: str
    group: str
    labels: tuple[str, ...]
    outcome: Outcome
    value: float | None
    read: bool = True
    lettered: bool = False
    bare: bool = False


class _Question(NamedTuple):
    """options: none where they are not stated."""

    kind: AnswerKind
    options: tuple[Option, ...]
    gold: str


def mark(row: Row, metric: Metric, reading: Reading) -> Mark:
    """The mark of an item. Raises BadRow or Undecided for one that gives no number."""
    raw = row._replace(value=row.fields.get("raw") or {})
    found = Mark(id_of(row), _video(row) or _video(raw), _labels(row, raw, metric), "load_error", None)
    if row.fields.get("load_error"):
        return found
    answer, question = _said(_output(row), reading.protocol), _question(row, raw, metric)
    found = found._replace(bare=question.kind in CHOICE_KINDS and not question.options)
    if not answer:
        return found._replace(outcome="unanswered", value=0.0)
    if question.kind == "free_text":
        return found._replace(outcome="unjudged")
    return _ruled(found, question, answer, reading.letters)


def _ruled(found: Mark, question: _Question, answer: str, letters: bool) -> Mark:
    said, lettered = given(question.kind, answer, question.options or _LETTERS), False
    if said is None and question.kind == "yes_no":
        word = _WORDS.get(given("choice", answer, _YES_NO) or "")
        said, lettered = (word, False) if letters else (None, word is not None)
    value = 0.0 if said is None else agreement(question.kind, said, question.gold)
    return found._replace(outcome="answered", value=value, read=said is not None, lettered=lettered)


def own_mark(example: Example, scored: dict[str, object], metric: Metric) -> Mark:
    """The mark of one row of SCORES, which is scored already."""
    text, value = str(scored["given"]), scored["value"]
    outcome: Outcome = scored["outcome"]  # type: ignore[assignment]
    return Mark(
        id="",  # an example has a row for each of its draws
        group=example.group,
        labels=tuple(example.categories.get(part.category, "") for part in metric.breakdowns),
        outcome=outcome,
        value=None if value is None else float(str(value)),
        read=outcome != "answered" or given(example.answer_kind, text, example.options) is not None,
    )


def id_of(row: Row) -> str:
    """The publisher's id of an item, its own or its row's; empty where there is none. Raises BadRow."""
    raw = row._replace(value=row.fields.get("raw") or {})
    return next((id for one in (row, raw) for name in ("qid", "id") if (id := one.label(name))), "")


def _question(row: Row, raw: Row, metric: Metric) -> _Question:
    kind = _kind(row, raw, metric)
    options = _options(row, raw, metric) if kind in CHOICE_KINDS else ()
    return _Question(kind, options, _gold(row, raw, metric, kind, options or _LETTERS))


def _labels(row: Row, raw: Row, metric: Metric) -> tuple[str, ...]:
    """The item's category in each breakdown, from the publisher's row or beside it; empty where it is not stated."""
    return tuple(_label(raw, part) or _label(row, part) for part in metric.breakdowns)


def _label(row: Row, part: Breakdown) -> str:
    label = length_label(row.fields.get(part.raw)) if part.clock else row.label(part.raw)
    return label.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair cannot be shown


def _video(row: Row) -> str:
    texts = (row.fields.get(name) for name in _VIDEOS)
    return next((text for text in texts if isinstance(text, str) and text), "")


def _kind(row: Row, raw: Row, metric: Metric) -> AnswerKind:
    named = row.label("problem_type") or raw.label("problem_type")
    if not named and len(metric.kinds) == 1:
        return metric.kinds[0]
    if (kind := KINDS.get(named)) is None or kind not in metric.kinds:
        known = ", ".join(name for name, kind in KINDS.items() if kind in metric.kinds)
        raise BadRow("unknown_problem_type", f"its 'problem_type' {named[:80]!r} is none of the benchmark's ({known})")
    return kind


def _output(row: Row) -> str:
    output = row.fields.get("output")
    if not isinstance(output, str):
        raise BadRow("missing_field", "it has no text 'output'")
    return output


def _options(row: Row, raw: Row, metric: Metric) -> tuple[Option, ...]:
    """The options; none where they are not stated or cannot be told apart."""
    shipped = row.fields.get("options") or raw.fields.get(metric.options)
    try:
        return read_plain(shipped) if metric.plain else read_options(shipped)
    except Undecided:
        return ()


def _gold(row: Row, raw: Row, metric: Metric, kind: AnswerKind, options: Sequence[Option]) -> str:
    shipped = [value for name in ("solution", "answer", "gt_answer") if _filled(value := row.fields.get(name))]
    shipped = shipped or [value for name in ("solution", metric.gold) if _filled(value := raw.fields.get(name))][:1]
    if not shipped:
        raise BadRow("missing_field", "it has no gold answer in 'solution' or 'answer'")
    answers = {_canonical(kind, value, options, metric.plain) for value in shipped}
    if len(answers) > 1:
        raise BadRow("answer_conflict", f"'solution' and 'answer' differ: {' and '.join(sorted(answers))[:80]}")
    return answers.pop()


def _canonical(kind: AnswerKind, value: object, options: Sequence[Option], plain: bool) -> str:
    """Of plain options, one may be the very text of the answer, even where that is also a letter."""
    if plain and kind == "choice" and isinstance(value, str) and value in {option.text for option in options}:
        return label_of(value, options)
    return gold(kind, value, options)


def _filled(value: object) -> bool:
    return value is not None and value != ""


def _said(output: str, protocol: Protocol) -> str:
    """The answer block; of a direct answer, which may do without, else all of it."""
    at = output.find(_OPENING)
    if at >= 0:
        return parse(output[at:]).answer
    return visible(output) if protocol == "direct" else ""
