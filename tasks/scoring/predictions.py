"""Predictions that another script wrote, item by item: a JSON array, JSON Lines, or an object with `results`.

Only one item is in memory at a time. Every item of an unreadable file counts against it: a file that breaks off, or
holds a line that is no JSON, raises UserError and gives no number.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from schemas.values import UserError
from tasks.reading.json_text import Window, array_items, decode

_RESULTS = "results"


class BadLine(ValueError):
    """A line that cannot be read; the text says which."""


def items(path: Path) -> Iterator[object]:
    """The items of a file, in its order. Raises UserError where it is none of the three forms or ends too soon."""
    count = 0
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for item in _form(stream):
                yield item
                count += 1
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): name a file of predictions") from error
    except BadLine as error:
        raise UserError(f"{path}, {error}: mend or remove that line") from error
    except ValueError as error:
        seen = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read after {count} items ({seen[:160]}): write the file again") from error


def _form(stream: TextIO) -> Iterator[object]:
    window = Window(stream)
    opening = window.peek()
    if opening not in ("[", "{"):
        raise ValueError("neither a JSON array, nor JSON Lines, nor an object with 'results'")
    found = _results(window) if opening == "{" else None
    if found is not None:
        yield from found
    else:
        stream.seek(0)
        yield from array_items(stream) if opening == "[" else _lines(stream)


def _results(window: Window) -> Iterator[object] | None:
    """The items of the field `results`; None where the first object has no such field, as a line has."""
    try:
        window.take("{")
        while window.peek() == '"':
            name = window.value()
            window.take(":")
            if name == _RESULTS:
                return _inside(window)
            window.value()
            if window.take(",", "}") == "}":
                return None
    except json.JSONDecodeError:
        return None
    return None


def _inside(window: Window) -> Iterator[object]:
    """The items of an array that is a field, and the rest of its object, which must end and not repeat the field."""
    window.take("[")
    if window.peek() != "]":
        yield window.value()
        while window.peek() == ",":
            window.take(",")
            yield window.value()
    window.take("]")
    while window.take(",", "}") == ",":
        if window.value() == _RESULTS:
            raise ValueError("the field 'results' stands twice")
        window.take(":")
        window.value()
    if rest := window.peek():
        raise ValueError(f"{rest!r} after the end")


def _lines(stream: TextIO) -> Iterator[object]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                yield decode(line)
            except ValueError as error:
                raise BadLine(f"line {number} is no JSON ({str(error)[:120]})") from error
