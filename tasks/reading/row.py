"""One row of a publisher's file, its fields checked as they are read.

A field that is not as the format says raises `BadRow`; `convert` makes that a reject, so that no row is
lost and none stops the run.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from schemas.example import Example, Reject
from schemas.options import Undecided
from tasks.reading.json_text import Repeated

_LONGEST_ROW = 2_000
_LONGEST_DETAIL = 300
_FAULTS = {"string_unicode": "not_unicode"}
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
    revision: str = ""

    @property
    def id(self) -> str:
        return f"{self.source}/{self.key}"

    @property
    def fields(self) -> dict[str, object]:
        if isinstance(self.value, Repeated):
            raise BadRow("repeated_field", str(self.value))
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
        if isinstance(value, list):
            return ",".join(word for part in value if (word := _word(part)))
        return _word(value)

    def labels(self, **names: str) -> dict[str, str]:
        """Categories: our name -> the label of the publisher's field, those without one left out."""
        return {ours: label for ours, theirs in names.items() if (label := self.label(theirs))}

    def reject(self, reason: str, detail: str, shown: bool = True) -> Reject:
        """The row as a reject, with its content unless it is not to be `shown`."""
        return Reject(
            id=_storable(self.id),
            source=self.source,
            source_row=_storable(self.key),
            reason=reason,
            detail=_storable(" ".join(detail.split())[:_LONGEST_DETAIL]),
            row=_storable(_shown(self.value)) if shown else "",
        )


class Pending(NamedTuple):
    """A row and how to read it, so that whoever wants only some of the rows pays only for those."""

    row: Row
    build: Callable[[Row], Example]

    def read(self) -> Example | Reject:
        """The example that `build` makes of the row; a reject where it cannot."""
        try:
            return self.build(self.row)
        except (BadRow, Undecided) as error:
            return self.row.reject(error.reason, str(error))
        except RecursionError:
            return self.row.reject("wrong_type", "a value is nested too deep")
        except ValidationError as error:
            fault = error.errors()[0]
            return self.row.reject(_FAULTS.get(fault["type"], "invalid_example"), fault["msg"])


def convert(rows: Iterable[Row], build: Callable[[Row], Example]) -> Iterator[Pending]:
    """Every row with its `build`, in order."""
    for row in rows:
        yield Pending(row, build)


def _word(value: object) -> str:
    word = str(value).strip() if isinstance(value, (str, int, float)) else ""
    return "" if _SENTINEL.fullmatch(word) else word


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=_opaque)
    except (RecursionError, ValueError) as error:
        return f"(cannot be shown: {type(error).__name__})"
    return text if len(text) <= _LONGEST_ROW else f"{text[: _LONGEST_ROW - 3]}..."


def _opaque(value: object) -> object:
    if isinstance(value, Repeated):
        return value.pairs
    return f"({len(value)} bytes)" if isinstance(value, bytes) else f"({type(value).__name__})"


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
