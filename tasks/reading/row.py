"""One row of a publisher's file, its fields checked as they are read.

A field that is not as the format says raises `BadRow`; `convert` makes that a reject, so that no row is
lost and none stops the run.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from schemas.example import Example, Reject
from schemas.options import Undecided

_LONGEST_ROW = 2_000
_LONGEST_DETAIL = 300
_SENTINEL = re.compile(r"(no .* provided|none|null|nan|n/?a|unknown|-)?", re.IGNORECASE)


class BadRow(ValueError):
    """A row that cannot be read; `reason` is one of `tasks.reader.REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Row(NamedTuple):
    """A row and where it stands. key: unique within the source. value: what the file holds there."""

    source: str
    file: str
    key: str
    value: object

    @property
    def id(self) -> str:
        return f"{self.source}/{self.key}"

    @property
    def fields(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise BadRow("wrong_type", f"the row is a {type(self.value).__name__}, not an object")
        return self.value

    def text(self, name: str) -> str:
        """A text that must be there, without outer whitespace."""
        if not (text := self.text_or_empty(name)):
            raise BadRow("missing_field", f"{name!r} is absent or empty")
        return text

    def text_or_empty(self, name: str) -> str:
        """A text that may be absent, null or empty."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise BadRow("wrong_type", f"{name!r} is a {type(value).__name__}, not a text")
        return (value or "").strip()

    def whole_number(self, name: str) -> int:
        """A whole number that must be there."""
        value = self.fields.get(name)
        if value is None:
            raise BadRow("missing_field", f"{name!r} is absent")
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadRow("wrong_type", f"{name!r} is a {type(value).__name__}, not a whole number")
        return value

    def blob(self, name: str) -> bytes:
        """Bytes shipped inside a table, as `{"bytes": ..., "path": ...}`."""
        value = self.fields.get(name)
        content = value.get("bytes") if isinstance(value, dict) else None
        if not content:
            raise BadRow("missing_field", f"{name!r} holds no bytes")
        if not isinstance(content, bytes):
            raise BadRow("wrong_type", f"{name!r} holds a {type(content).__name__}, not bytes")
        return content

    def label(self, name: str) -> str:
        """A text, number or list as one label; empty where it is absent or a stand-in for "not known"."""
        value = self.fields.get(name)
        parts = value if isinstance(value, list) else [value]
        words = [str(part).strip() for part in parts if isinstance(part, (str, int, float))]
        return ",".join(word for word in words if not _SENTINEL.fullmatch(word))

    def labels(self, **names: str) -> dict[str, str]:
        """Categories: our name -> the label of the publisher's field, those without one left out."""
        return {ours: label for ours, theirs in names.items() if (label := self.label(theirs))}

    def reject(self, reason: str, detail: str) -> Reject:
        return Reject(
            id=_storable(self.id),
            source=self.source,
            source_row=_storable(self.key),
            reason=reason,
            detail=_storable(" ".join(detail.split())[:_LONGEST_DETAIL]),
            row=_storable(_shown(self.value)),
        )


def convert(rows: Iterable[Row], build: Callable[[Row], Example]) -> Iterator[Example | Reject]:
    """`build` applied to every row; what it cannot build is a reject in the same place."""
    for row in rows:
        try:
            example = build(row)
            example.model_dump_json()  # raises for half surrogate pairs, which no Parquet file can hold
            yield example
        except (BadRow, Undecided) as error:
            yield row.reject(error.reason, str(error))
        except ValidationError as error:
            yield row.reject("invalid_example", error.errors()[0]["msg"])
        except (UnicodeError, PydanticSerializationError) as error:
            yield row.reject("not_unicode", str(error))


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=_opaque)
    except (RecursionError, ValueError) as error:
        return f"(cannot be shown: {type(error).__name__})"
    return text if len(text) <= _LONGEST_ROW else f"{text[: _LONGEST_ROW - 3]}..."


def _opaque(value: object) -> str:
    return f"({len(value)} bytes)" if isinstance(value, bytes) else f"({type(value).__name__})"


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
