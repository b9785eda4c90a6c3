"""A reply that holds one JSON object: read tolerantly in its form and strictly in its values.

Models put an object into a code fence or into a sentence, which does no harm. A number written as text, a missing
key, a second object or a key given twice does: whoever guesses there invents a score. `read` takes the one and refuses
the other, and its complaint is a line that can be shown to the model.
"""

import json
import math
from typing import NoReturn, TypeVar

from pydantic import ValidationError

from schemas.values import Value

V = TypeVar("V", bound=Value)

_WORDS = frozenset({"type", "properties", "required", "additionalProperties", "items", "enum"})
"""Of JSON schema. Limits of numbers and lengths are not among them: servers differ in those, and `read` checks them."""


def read(text: str, form: type[V]) -> V:
    """The value of the one object in `text`, all of it from its first brace to its last.

    Raises ValueError with a one-line reason.
    """
    written = _object_in(text)
    try:
        json.loads(written, object_pairs_hook=_once, parse_int=_finite, parse_float=_finite, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(_syntax(error)) from error
    except RecursionError as error:  # endless brackets are what a stuck model writes
        raise ValueError("the JSON is nested too deeply") from error
    try:
        return form.model_validate_json(written, strict=True)
    except ValidationError as error:
        raise ValueError(_misfit(error)) from error


def schema(form: type[Value]) -> dict[str, object]:
    """The JSON schema of `form`, for a server that is asked for structured output."""
    described = form.model_json_schema()
    return _plain(described, described.get("$defs", {}))


def _object_in(text: str) -> str:
    """From the first brace to the last. Raises ValueError where there is none, or a list around it."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("there is no whole JSON object in the reply")
    if text[:start].rstrip().endswith(("[", ",")) or text[end + 1 :].lstrip().startswith(("]", ",")):
        raise ValueError("the object stands in a list: reply with the object alone")
    return text[start : end + 1]


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]!r} is given twice")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


def _no_number(written: str) -> NoReturn:
    raise ValueError(f"{written[:40]} is no finite number")


def _syntax(error: json.JSONDecodeError) -> str:
    if error.msg == "Extra data":
        return "there is more than one object, or a brace outside the object: reply with one object alone"
    return f"the object is not JSON: {error.msg} at character {error.pos}"


def _misfit(error: ValidationError) -> str:
    """The first fault, by its place and what was expected there."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in fault["loc"])
    return " ".join(f"{place}: {fault['msg']}".split()) if place else " ".join(fault["msg"].split())


def _plain(described: dict[str, object], known: dict[str, dict[str, object]]) -> dict[str, object]:
    if isinstance(name := described.get("$ref"), str):
        described = known[name.rpartition("/")[2]]
    kept = {key: value for key, value in described.items() if key in _WORDS}
    if isinstance(fields := kept.get("properties"), dict):
        kept["properties"] = {key: _plain(value, known) for key, value in fields.items()}
    if isinstance(one := kept.get("items"), dict):
        kept["items"] = _plain(one, known)
    return kept
