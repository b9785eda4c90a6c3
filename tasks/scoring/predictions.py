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


class NoForm(ValueError):
    """A file that is none of the three forms; the text says what it is instead."""


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
        why = error.strerror or "a pipe can be read only once"
        raise UserError(f"{path} cannot be read ({why}): name a file of predictions") from error
    except NoForm as error:
        raise UserError(f"{path} is {error}: name a file of predictions in one of the three forms") from error
    except BadLine as error:
        raise UserError(f"{path}, {error}: mend or remove that line") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no UTF-8 text ({error.reason} after item {count}): write it as UTF-8") from error
    except ValueError as error:
        raise UserError(
            f"{path} breaks off or is no JSON in item {count + 1} ({_fault(error)}): write it again"
        ) from error


def _fault(error: ValueError) -> str:
    """What was found; a decoder's own place is one in a window of the file, and says nothing."""
    return (error.msg if isinstance(error, json.JSONDecodeError) else str(error))[:160]


def _form(stream: TextIO) -> Iterator[object]:
    window = Window(stream)
    opening = window.peek()
    if opening not in ("[", "{"):
        raise NoForm("neither a JSON array, nor JSON Lines, nor an object with 'results'" if opening else "empty")
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
    if window.peek() not in ("[", ""):
        raise NoForm("an object whose 'results' is no array")
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
                raise BadLine(f"line {number} is no JSON ({_fault(error)})") from error
