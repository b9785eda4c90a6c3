"""Recipes by name, with single fields changed: YAML in, one typed value out, one clear line for any mistake."""

import difflib
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas.recipe import Recipe
from schemas.values import UserError

_FOLDER = Path(__file__).resolve().parent


def recipe_names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def read_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe `name` with `path.to.field=value` changes applied in order.

    Raises UserError for an unknown recipe, field or value.
    """
    fields = _extended(_parse(_file(name)), name)
    for change in changes:
        _apply(fields, change)
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"recipe {name}: {_first_fault(error)}") from error


def _file(name: str) -> Path:
    path = _FOLDER / f"{name}.yaml"
    if name not in recipe_names():
        near = difflib.get_close_matches(name, recipe_names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        known = ", ".join(recipe_names())
        raise UserError(f"unknown recipe {name!r}: {hint}there are {known}; your own goes into {_FOLDER} as YAML")
    return path


def _extended(fields: dict[str, object], *names: str) -> dict[str, object]:
    """The fields of a recipe that `extends` another: its own replace the other's, then `set` changes single ones.

    names: of the recipe, and of those that extend it.
    """
    name, base, changes = names[0], fields.pop("extends", None), fields.pop("set", {})
    if base is not None:
        if not isinstance(base, str) or base in names:
            raise UserError(f"recipe {name}: extends {base!r} names no other recipe")
        fields = _extended(_parse(_file(base)), base, *names) | fields
    if not isinstance(changes, dict):
        raise UserError(f"recipe {name}: `set` is no mapping of path.to.field to value")
    for path, value in changes.items():
        _put(fields, str(path), value)
    return fields


def _parse(path: Path) -> dict[str, object]:
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(fields, dict):
        raise UserError(f"{path} holds no recipe: expected fields at its top level")
    return {key: _unshared(value) for key, value in fields.items()}


def _unshared(value: object) -> object:
    """A copy in which YAML's aliases are separate values, so that changing one place changes that place alone."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _apply(fields: dict[str, object], change: str) -> None:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise UserError(f"--set {change!r}: expected path.to.field=value, for example curation.min_quality=0.6")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {change!r}: the value is not YAML: {' '.join(str(error).split())}") from error
    _put(fields, path, value)


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
        raise UserError(f"{path}: {parents[-1]!r} is a single value and has no field {last!r}")


def _enter(place: object, step: str, path: str) -> object:
    if isinstance(place, list):
        return place[_index(place, step, path)]
    if isinstance(place, dict):
        return place.setdefault(step, {})  # an omitted group of fields with defaults
    raise UserError(f"{path}: there is nothing below {step!r}")


def _index(items: list[object], step: str, path: str) -> int:
    names = [str(item.get("name", "")) if isinstance(item, dict) else "" for item in items]
    if step in names:
        return names.index(step)
    if step.isdigit() and int(step) < len(items):
        return int(step)
    raise UserError(f"{path}: no {step!r} among {', '.join(filter(None, names)) or len(items)}")


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
