"""A part of a benchmark, named by question ids: IntentBench's Clean and Hard, say.

A list of ids, one a line or as a JSON array, names the questions that belong to the subset. The lists that are
published name those that do not: a JSON object with them under `exclude` or `excluded`, or one that holds such objects
by name under `variants`. Ids are texts, or objects with a `qid`.
"""

import json
from pathlib import Path

from schemas.values import UserError, Value


class Subset(Value):
    """ids: of the questions inside, or outside where `excludes`."""

    name: str
    ids: frozenset[str]
    excludes: bool = False

    def holds(self, id: str) -> bool:
        return (id in self.ids) != self.excludes


def read_subset(written: str) -> Subset:
    """The subset of `NAME=FILE`. Raises UserError where the file is no list of ids."""
    name, equals, place = written.partition("=")
    if not (name and equals and place):
        raise UserError(f"--subset {written!r} is not NAME=FILE: write --subset clean=ids.txt")
    try:
        text = Path(place).read_text(encoding="utf-8-sig")
        ids, excludes = _ids(text, name)
    except OSError as error:
        raise UserError(f"{place} cannot be read ({error.strerror}): name a list of question ids") from error
    except ValueError as error:
        raise UserError(f"{place} is no list of question ids ({error}): one id a line, or a JSON array") from error
    if not ids and not excludes:
        raise UserError(f"{place} lists no question id: name another file for the subset {name}")
    return Subset(name=name, ids=frozenset(ids), excludes=excludes)


def _ids(text: str, name: str) -> tuple[list[str], bool]:
    if text.lstrip()[:1] not in ("[", "{"):
        return [line.strip() for line in text.splitlines() if line.strip()], False
    value = json.loads(text)
    if isinstance(value, dict) and isinstance(variants := value.get("variants"), dict):
        if name not in variants:
            raise ValueError(f"its variants are {', '.join(variants)}")
        value = variants[name]
    if isinstance(value, dict):
        left_out = value.get("exclude", value.get("excluded"))
        return [_id(item) for item in _list(left_out)], True
    return [_id(item) for item in _list(value)], False


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("it holds neither an array nor one under 'exclude'")
    return value


def _id(item: object) -> str:
    found = item.get("qid") if isinstance(item, dict) else item
    if not isinstance(found, (str, int)) or isinstance(found, bool) or not str(found).strip():
        raise ValueError(f"{str(item)[:60]!r} is no id")
    return str(found).strip()
