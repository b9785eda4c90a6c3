"""One schema for every row from ingestion to training and evaluation.

`Example` is the value, `EXAMPLES` its declared Arrow schema; `to_table` and `from_row` convert without loss.
Upstream encodings (letter, index, text, tags) are normalised once, in the readers; after them there is one form:

| answer_kind    | options | answer                                                        |
|----------------|---------|---------------------------------------------------------------|
| choice         | 2+      | one label: "B"                                                |
| multi_choice   | 2+      | sorted labels: "A,C"                                          |
| yes_no         | -       | "yes" or "no"                                                 |
| number         | -       | plain decimal text: "42", "3.5"                               |
| regression     | -       | plain decimal text                                            |
| ocr, free_text | -       | the text                                                      |
| emotion_words  | -       | sorted lower-case words: "angry,worried"                      |
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pydantic import model_validator

from schemas.values import Value

AnswerKind = Literal["choice", "multi_choice", "yes_no", "number", "regression", "ocr", "free_text", "emotion_words"]
MediaKind = Literal["video", "audio", "image"]
CHOICE_KINDS: frozenset[str] = frozenset({"choice", "multi_choice"})


class Option(Value):
    """One option of a choice: its label ("A") and its text without the label."""

    label: str
    text: str


class Media(Value):
    """One file of an example, found by digest in the store; `path` is the publisher's own, for people.

    start, end: seconds within the file, None for all of it. duration, audio_duration: seconds; sound may end before
    its picture. fps: frames per second. sample_rate: Hz. width, height: pixels. Fields that do not apply are None.
    """

    kind: MediaKind
    digest: str
    path: str
    start: float | None = None
    end: float | None = None
    duration: float | None = None
    frames: int | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    has_audio: bool = False
    audio_duration: float | None = None
    sample_rate: int | None = None


class Provenance(Value):
    """Where a generated field came from."""

    field: str
    provider: str
    model: str
    prompt: str
    request: str


class Rating(Value):
    """One quality score of an example, 0 to 1, with the judge's reason."""

    name: str
    value: float
    rationale: str


class Example(Value):
    """A question about some media, with its gold answer and, once rewritten, its context and reasoning.

    id: unique, "{source}/{source_row}". source_row: where the row stands in the publisher's file.
    source_id: the publisher's own id, which may repeat. group: the identity of the video or picture, by which
    splits, decontamination and clustered intervals go.
    """

    id: str
    source: str
    source_revision: str
    source_row: str
    source_id: str
    licence: str
    group: str
    question: str
    options: tuple[Option, ...] = ()
    answer_kind: AnswerKind
    answer: str
    media: tuple[Media, ...] = ()
    subtitles: str = ""
    description: str = ""
    categories: dict[str, str] = {}
    context: str = ""
    think: str = ""
    provenance: tuple[Provenance, ...] = ()
    ratings: tuple[Rating, ...] = ()
    split: str = ""

    @model_validator(mode="after")
    def _answer_fits_options(self) -> "Example":
        labels = [option.label for option in self.options]
        if len(set(labels)) != len(labels):
            raise ValueError(f"option labels repeat: {labels}")
        if self.answer_kind in CHOICE_KINDS:
            chosen = self.answer.split(",")
            if self.answer_kind == "choice" and len(chosen) != 1:
                raise ValueError(f"a choice has one answer, not {self.answer!r}")
            if missing := [label for label in chosen if label not in labels]:
                raise ValueError(f"answer label {missing[0]!r} is not among the options {labels}")
        if not self.answer.strip():
            raise ValueError("empty answer")
        return self

    @property
    def gold_text(self) -> str:
        """The gold answer as a reader would say it."""
        return gold_text(self.answer_kind, self.answer, {option.label: option.text for option in self.options})

    def medium(self, kind: MediaKind) -> Media | None:
        """The first medium of a kind, or None."""
        return next((media for media in self.media if media.kind == kind), None)


def gold_text(kind: str, answer: str, options: Mapping[str, str]) -> str:
    """An answer as a reader would say it: for a choice the option texts, by label in `options`; else the answer."""
    return ", ".join(options[label] for label in answer.split(",")) if kind in CHOICE_KINDS else answer


_text = pa.string()


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


EXAMPLES = pa.schema(
    [
        pa.field("id", _text, nullable=False),
        pa.field("source", _text, nullable=False),
        pa.field("source_revision", _text, nullable=False),
        pa.field("source_row", _text, nullable=False),
        pa.field("source_id", _text, nullable=False),
        pa.field("licence", _text, nullable=False),
        pa.field("group", _text, nullable=False),
        pa.field("question", _text, nullable=False),
        pa.field("options", pa.list_(_struct(label=_text, text=_text)), nullable=False),
        pa.field("answer_kind", _text, nullable=False),
        pa.field("answer", _text, nullable=False),
        pa.field(
            "media",
            pa.list_(
                _struct(
                    kind=_text,
                    digest=_text,
                    path=_text,
                    start=pa.float64(),
                    end=pa.float64(),
                    duration=pa.float64(),
                    frames=pa.int32(),
                    fps=pa.float64(),
                    width=pa.int32(),
                    height=pa.int32(),
                    has_audio=pa.bool_(),
                    audio_duration=pa.float64(),
                    sample_rate=pa.int32(),
                )
            ),
            nullable=False,
        ),
        pa.field("subtitles", _text, nullable=False),
        pa.field("description", _text, nullable=False),
        # A list of pairs, not an Arrow map: `datasets` cannot read maps.
        pa.field("categories", pa.list_(_struct(name=_text, value=_text)), nullable=False),
        pa.field("context", _text, nullable=False),
        pa.field("think", _text, nullable=False),
        pa.field(
            "provenance",
            pa.list_(_struct(field=_text, provider=_text, model=_text, prompt=_text, request=_text)),
            nullable=False,
        ),
        pa.field("ratings", pa.list_(_struct(name=_text, value=pa.float64(), rationale=_text)), nullable=False),
        pa.field("split", _text, nullable=False),
    ]
)

REJECTS = pa.schema(
    [
        pa.field("id", _text, nullable=False),
        pa.field("source", _text, nullable=False),
        pa.field("source_row", _text, nullable=False),
        pa.field("reason", _text, nullable=False),
        pa.field("detail", _text, nullable=False),
        pa.field("row", _text, nullable=False),
    ]
)


REFUSED_LENGTH = 2000
"""Characters of a refused reply that a reject keeps."""


class Reject(Value):
    """A row that was left out: `reason` is a short fixed word for counting, `detail` says what was seen."""

    id: str
    source: str
    source_row: str
    reason: str
    detail: str
    row: str = ""

    @classmethod
    def of(cls, example: Example, reason: str, detail: str, row: str = "") -> "Reject":
        """The reject of a row that could be read. row: what was refused, of which the beginning is kept."""
        named = {"id": example.id, "source": example.source, "source_row": example.source_row}
        return cls(**named, reason=reason, detail=detail, row=row[:REFUSED_LENGTH])


class _Category(NamedTuple):
    name: str
    value: str


def to_table(examples: Sequence[Example]) -> pa.Table:
    """The Arrow table of examples under `EXAMPLES`; `from_row` is its inverse, row by row.

    Columns are filled one by one, nested ones from flat lists: four times as fast as a dictionary a row.
    Raises UnicodeEncodeError for a text with half a surrogate pair.
    """
    columns = {field.name: _values(examples, field.name) for field in EXAMPLES}
    return pa.Table.from_arrays([_array(columns[field.name], field.type) for field in EXAMPLES], schema=EXAMPLES)


def _values(examples: Sequence[Example], name: str) -> list[Any]:
    if name == "categories":
        return [[_Category(*pair) for pair in sorted(example.categories.items())] for example in examples]
    return list(map(attrgetter(name), examples))


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        ends = pa.array(accumulate((len(value) for value in values), initial=0), pa.int32())
        return pa.ListArray.from_arrays(ends, _array(list(chain.from_iterable(values)), kind.value_type), type=kind)
    if pa.types.is_struct(kind):
        inner = [_array(list(map(attrgetter(field.name), values)), field.type) for field in kind.fields]
        return pa.StructArray.from_arrays(inner, fields=kind.fields)
    return pa.array(values, kind)


def from_row(row: dict[str, object]) -> Example:
    """The example of an Arrow row, as `pyarrow.Table.to_pylist` gives it. Raises pydantic.ValidationError."""
    pairs = {pair["name"]: pair["value"] for pair in row["categories"]}  # type: ignore[attr-defined]
    return Example.model_validate({**row, "categories": pairs})
