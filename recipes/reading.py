"""Recipes by name, with single fields changed: YAML in, one typed value out, one clear line for any mistake."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.composer import ComposerError

from schemas.canonical import canonical_json
from schemas.recipe import Recipe
from schemas.values import UserError

_FOLDER = Path(__file__).resolve().parent
_MOST_VALUES = 100_000
_MERGE = "tag:yaml.org,2002:merge"
_DEEPEST = 100
_SHOWN = 200


def recipe_names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def read_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe `name` with `path.to.field=value` changes applied in order.

    Raises UserError for an unknown recipe, field or value, and for what is no recipe at all.
    """
    fields = _extended(_parse(_file(name)), name)
    for change in changes:
        _apply(fields, change)
    try:
        recipe = Recipe.model_validate(fields)
        canonical_json(recipe)  # what has none could name no artifact
    except ValidationError as error:
        raise _mistake(f"recipe {name}: {_first_fault(error)}") from error
    except ValueError as error:
        raise _mistake(f"recipe {name} holds a number without a value (.nan or .inf): give a plain one") from error
    return recipe


def _mistake(said: str) -> UserError:
    """One line, whatever stands in a recipe."""
    return UserError(" ".join(said.split()).encode("utf-8", "backslashreplace").decode())


def _file(name: str) -> Path:
    path = _FOLDER / f"{name}.yaml"
    if name not in recipe_names():
        near = difflib.get_close_matches(name, recipe_names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        known = ", ".join(recipe_names())
        raise _mistake(f"unknown recipe {name!r}: {hint}there are {known}; your own goes into {_FOLDER} as YAML")
    return path


def _extended(fields: dict[str, object], *names: str) -> dict[str, object]:
    """The fields of a recipe that `extends` another: its own replace the other's, then `set` changes single ones.

    names: of the recipe, and of those that extend it.
    """
    name, base, changes = names[0], fields.pop("extends", None), fields.pop("set", {})
    if base is not None:
        if not isinstance(base, str) or base in names:
            raise _mistake(f"recipe {name}: extends {base!r} names no other recipe")
        fields = _extended(_parse(_file(base)), base, *names) | fields
    if not isinstance(changes, dict):
        raise _mistake(f"recipe {name}: `set` is no mapping of path.to.field to value")
    for path, value in changes.items():
        _put(fields, str(path), value)
    return fields


def _parse(path: Path) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _mistake(f"{path} is not UTF-8: {error}") from error
    fields = _load(text, f"{path} is not YAML")
    if not isinstance(fields, dict):
        raise _mistake(f"{path} holds no recipe: expected fields at its top level")
    return fields


def _load(text: str, fault: str) -> object:
    """The value of a YAML text. Raises UserError, which begins with `fault`, for a text that has none."""
    try:
        found = _Loader(text).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise _mistake(f"{fault}: {error}") from error
    except (ValueError, LookupError, AttributeError, TypeError) as error:  # of a tag or a date that is none
        raise _mistake(f"{fault}: a value in it is not of its type ({error})") from error
    return _unshared(found, fault, iter(range(_MOST_VALUES)))


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a field stands once: the first of two would be lost without a word."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)  # before merging, which lets one field stand for another
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE]
        if twice := [name for name, times in Counter(names).items() if times > 1]:
            raise ComposerError(None, None, f"field {twice[0]!r} twice", node.start_mark)
        return node


def _unshared(value: object, fault: str, room: Iterator[int], depth: int = 0) -> object:
    """A copy in which YAML's aliases are separate values, so that changing one place changes that place alone.

    Dates become texts as they were written: no field is a date. Raises UserError for aliases that unfold without end.
    """
    if depth > _DEEPEST or next(room, None) is None:
        raise _mistake(f"{fault}: it is nested too deep, or its aliases unfold to too many values")
    if isinstance(value, dict):
        return {key: _unshared(item, fault, room, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_unshared(item, fault, room, depth + 1) for item in value]
    if isinstance(value, str):  # JSON, which is YAML too, may write one character as a pair of halves
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return value.isoformat() if isinstance(value, date) else value


def _apply(fields: dict[str, object], change: str) -> None:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise _mistake(f"--set {_begun(change)}: expected path.to.field=value, for example curation.min_quality=0.6")
    _put(fields, path, _load(text, f"--set {_begun(change)}: the value is not YAML"))


def _begun(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def _put(fields: dict[str, object], path: str, value: object) -> None:
    *parents, last = path.split(".")
    place: object = fields
    for step in parents:
        place = _enter(place, step, path)
    if isinstance(place, list):
        place[_index(place, last, path)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise _mistake(f"{path}: {parents[-1]!r} is a single value and has no field {last!r}")


def _enter(place: object, step: str, path: str) -> object:
    if isinstance(place, list):
        return place[_index(place, step, path)]
    if isinstance(place, dict):
        return place.setdefault(step, {})  # an omitted group of fields with defaults
    raise _mistake(f"{path}: there is nothing below {step!r}")


def _index(items: list[object], step: str, path: str) -> int:
    names = [str(item.get("name", "")) if isinstance(item, dict) else "" for item in items]
    if step in names:
        return names.index(step)
    if step in map(str, range(len(items))):
        return int(step)
    raise _mistake(f"{path}: no {step!r} among {', '.join(filter(None, names)) or len(items)}")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    place = ".".join(str(step) for step in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown field {place!r}"
    if fault["type"] == "missing":
        return f"field {place!r} is missing"
    said = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error":  # our own words, which name what they are about
        return f"{place}: {said}" if place else said
    return f"{place}: {said}, not {fault['input']!r}"[:400]
