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
from math import isnan
from string import ascii_uppercase
from typing import Literal, NamedTuple

from pydantic import ValidationError

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
_NO_ERROR = ("", "false", "no", "none", "null", "nan", "0")
"""Texts in `load_error` that say that there was none, as a table writes them."""
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
    raw = _raw(row)
    found = Mark(id_of(row, metric), _video(row) or _video(raw), _labels(row, raw, metric), "load_error", None)
    if _failed(row):
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
        labels=tuple(part.named(example.categories.get(part.category, "")) for part in metric.breakdowns),
        outcome=outcome,
        value=None if value is None else float(str(value)),
        read=outcome != "answered" or given(example.answer_kind, text, example.options) is not None,
    )


def id_of(row: Row, metric: Metric) -> str:
    """The publisher's id of an item, its own or its row's; empty where there is none. Raises BadRow."""
    return next((id for one in (row, _raw(row)) for name in ("qid", "id", metric.id) if (id := one.label(name))), "")


def _raw(row: Row) -> Row:
    """The publisher's row that an item carries; one without fields where it carries none."""
    value = row.fields.get("raw")
    return row._replace(value=value if _filled(value) else {})


def _question(row: Row, raw: Row, metric: Metric) -> _Question:
    kind = _kind(row, raw, metric)
    options = _options(row, raw, metric) if kind in CHOICE_KINDS else ()
    return _Question(kind, options, _gold(row, raw, metric, kind, options or _LETTERS))


def _labels(row: Row, raw: Row, metric: Metric) -> tuple[str, ...]:
    """The item's category in each breakdown, from the publisher's row or beside it; empty where it is not stated."""
    return tuple(_label(raw, part) or _label(row, part) for part in metric.breakdowns)


def _label(row: Row, part: Breakdown) -> str:
    return part.named(whole(length_label(row.fields.get(part.raw)) if part.clock else row.label(part.raw)))


def whole(text: str) -> str:
    """The text with half surrogate pairs written out, so that it can be shown and parsed."""
    return text.encode("utf-8", "backslashreplace").decode()


def _failed(row: Row) -> bool:
    """Whether the item's media could not be read. A number that is none, as tables fill gaps, says nothing."""
    told = row.fields.get("load_error")
    if isinstance(told, str):
        return told.strip().casefold() not in _NO_ERROR
    if told is None or _gap(told) or told in (False, True):
        return told is not None and told == 1
    raise BadRow("wrong_type", f"its 'load_error' is a {type(told).__name__}, neither true or false nor a text")


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
        raise BadRow("missing_field", "it has no text 'output', which is \"\" where the model said nothing")
    return whole(output)


def _options(row: Row, raw: Row, metric: Metric) -> tuple[Option, ...]:
    """The options; none where they are not stated or cannot be told apart."""
    named = (one.fields.get(name) for one in (row, raw) for name in ("options", metric.options))
    shipped = next((value for value in named if value), None)
    try:
        return read_plain(shipped) if metric.plain else read_options(shipped)
    except (Undecided, ValidationError):
        return ()


def _gold(row: Row, raw: Row, metric: Metric, kind: AnswerKind, options: Sequence[Option]) -> str:
    own = ("solution", metric.gold) if _filled(row.fields.get(metric.gold)) else ("solution", "answer", "gt_answer")
    shipped = [value for name in own if _filled(value := row.fields.get(name))]
    shipped = shipped or [value for name in ("solution", metric.gold) if _filled(value := raw.fields.get(name))][:1]
    if not shipped:
        raise BadRow("missing_field", "it has no gold answer in 'solution' or 'answer'")
    answers = {_canonical(kind, value, options, metric.plain) for value in shipped}
    if len(answers) > 1:
        raise BadRow("answer_conflict", f"'solution' and 'answer' differ: {' and '.join(sorted(answers))[:80]}")
    return answers.pop()


def _canonical(kind: AnswerKind, value: object, options: Sequence[Option], plain: bool) -> str:
    """Of plain options, one may be the very text of the answer, even where that is also a letter."""
    if plain and kind == "choice" and str(value) in {option.text for option in options}:
        return label_of(str(value), options)
    numbers = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, (int, float))]
    if numbers and kind in CHOICE_KINDS:
        raise BadRow("answer_unclear", f"its gold answer {numbers[0]!r} may count from 0 or from 1: write the letter")
    return gold(kind, value, options)


def _filled(value: object) -> bool:
    return value is not None and value != "" and not _gap(value)


def _gap(value: object) -> bool:
    """NaN, as tables write what is not there."""
    return isinstance(value, float) and isnan(value)


def _said(output: str, protocol: Protocol) -> str:
    """The answer block; of a direct answer, which may do without, else all of it."""
    at = output.find(_OPENING)
    if at >= 0:
        return parse(output[at:]).answer
    return visible(output) if protocol == "direct" else ""
