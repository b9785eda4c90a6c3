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
    fields = _parse(_file(name))
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


def _parse(path: Path) -> dict[str, object]:
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(fields, dict):
        raise UserError(f"{path} holds no recipe: expected fields at its top level")
    return fields


def _apply(fields: dict[str, object], change: str) -> None:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise UserError(f"--set {change!r}: expected path.to.field=value, for example curation.min_quality=0.6")
    *parents, last = path.split(".")
    place: object = fields
    for step in parents:
        place = _enter(place, step, change)
    value = yaml.safe_load(text)
    if isinstance(place, list):
        place[_index(place, last, change)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise UserError(f"--set {change!r}: {parents[-1]!r} is a single value and has no field {last!r}")


def _enter(place: object, step: str, change: str) -> object:
    if isinstance(place, list):
        return place[_index(place, step, change)]
    if isinstance(place, dict):
        return place.setdefault(step, {})  # an omitted group of fields with defaults
    raise UserError(f"--set {change!r}: there is nothing below {step!r}")


def _index(items: list[object], step: str, change: str) -> int:
    names = [str(item.get("name", "")) if isinstance(item, dict) else "" for item in items]
    if step in names:
        return names.index(step)
    if step.isdigit() and int(step) < len(items):
        return int(step)
    raise UserError(f"--set {change!r}: no {step!r} among {', '.join(filter(None, names)) or len(items)}")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    place = ".".join(str(step) for step in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown field {place!r}"
    if fault["type"] == "missing":
        return f"field {place!r} is missing"
    return f"{place or 'recipe'}: {fault['msg']}, not {fault['input']!r}"[:400]
