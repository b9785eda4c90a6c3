"""A long JSON document read value by value, with the standard library's decoder and a window of the text.

What comes out is what `json.load` gives, to the letter: yajl-based parsers put "?" where a text holds half a surrogate
pair and stop at whole numbers beyond 64 bits, so that one odd row would change unseen or cost the whole file. For the
same reason three things come out otherwise: a whole number with more digits than Python reads is the text of its
digits, a value nested too deep to be decoded is its text, and an object that has a key twice is a `Repeated`.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TextIO

_CHUNK = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
_LONGEST_TOKEN = 16
"""Characters of the longest token besides a text (`\\ud83d\\ude00`, `-Infinity`): what is found nearer to the window's
end, an error or the end of a number, may be for want of the next characters."""
_PART = re.compile(r'[^"\[\]{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}])')
"""Up to the end of the next text or bracket."""
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}


class Repeated:
    """An object that has a key twice: keys and values as they stand, neither of which can be believed."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs

    def __str__(self) -> str:
        key, count = Counter(key for key, _ in self.pairs).most_common(1)[0]
        return f"{key[:80]!r} stands {count} times"


class Window:
    """The part of a document that is being read."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._read()

    def take(self, *marks: str) -> str:
        """One of these characters. Raises ValueError for anything else."""
        found = self.peek()
        if found not in marks:
            raise ValueError(f"{found!r} where {' or '.join(map(repr, marks))} should be")
        self._at += 1
        return found

    def value(self) -> object:
        """The next value. Raises ValueError when there is none."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                return self._nested()
            except json.JSONDecodeError as error:
                if self._ended or not self._cut_short(error):
                    raise
            else:
                if end < len(self._text) - _LONGEST_TOKEN or self._ended:  # else a number may go on
                    self._at = end
                    return value
            self._read()

    def _nested(self) -> str:
        """The text of the next value, an array or object of any depth."""
        depth, length = 0, 0
        while not length or depth:
            match = _PART.match(self._text, self._at + length)
            if match:
                length = match.end() - self._at
                depth += _DEEPER.get(self._text[match.end() - 1], 0)
            elif self._ended:
                raise ValueError("Unterminated array or object")
            else:
                self._read()
        self._at += length
        return self._text[self._at - length : self._at]

    def _cut_short(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _LONGEST_TOKEN

    def _read(self) -> None:
        """Drop what was read and add at least as much as is left, so that a long value is not tried too often."""
        left = self._text[self._at :]
        more = self._stream.read(max(_CHUNK, len(left)))
        self._ended = not more
        self._text, self._at = left + more, 0


def _whole_number(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than Python takes
        return digits


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | Repeated:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else Repeated(pairs)


_DECODER = json.JSONDecoder(parse_int=_whole_number, object_pairs_hook=_object)


def decode(text: str) -> object:
    """The value that a text is. Raises ValueError where it is malformed."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        window = Window(io.StringIO(text))
        value = window.value()
        _check_end(window)
        return value


def array_items(stream: TextIO) -> Iterator[object]:
    """Items of the array that the document is. Raises ValueError where it is malformed."""
    window = Window(stream)
    window.take("[")
    if window.peek() == "]":
        window.take("]")
    else:
        yield window.value()
        while window.take(",", "]") == ",":
            yield window.value()
    _check_end(window)


def object_items(stream: TextIO) -> Iterator[tuple[str, object]]:
    """Names and values of the object that the document is. Raises ValueError where it is malformed."""
    window = Window(stream)
    window.take("{")
    if window.peek() == "}":
        window.take("}")
    else:
        yield _pair(window)
        while window.take(",", "}") == ",":
            yield _pair(window)
    _check_end(window)


def _pair(window: Window) -> tuple[str, object]:
    name = window.value()
    if not isinstance(name, str):
        raise ValueError(f"{str(name)[:40]!r} where a name should be")
    window.take(":")
    return name, window.value()


def _check_end(window: Window) -> None:
    if rest := window.peek():
        raise ValueError(f"{rest!r} after the end")
