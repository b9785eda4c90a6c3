"""Human names beside fingerprints: `curated/demo@3` is the third artifact that was called `curated/demo`.

{store}/names/curated/demo/00003.json holds the reference, and is never changed. Giving a name to the artifact that has
it already adds no version, so that a rerun which reuses everything leaves the names alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from schemas.artifact import Artifact
from schemas.values import UserError, Value
from storage.disk_faults import told_plainly
from storage.store import Store

_FOLDER = "names"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")


class Name(Value):
    """One version of a name."""

    name: str
    version: int
    artifact: Artifact

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def key(self) -> str:
        return f"{_FOLDER}/{self.name}/{self.version:05d}.json"


def give(store: Store, name: str, artifact: Artifact) -> Name:
    """Call an artifact `name`; a new version unless it is the latest already."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no artifact name: use lower-case letters, digits, `-`, `_`, `.` and `/`")
    while True:
        latest = _latest(store, name)
        if latest and latest.artifact == artifact:
            return latest
        named = Name(name=name, version=latest.version + 1 if latest else 1, artifact=artifact)
        with told_plainly(store.root):
            if store.origin.claim(named.key, named.model_dump_json()):
                return named  # else another run was first with this number


def find(store: Store, reference: str) -> Artifact | None:
    """The artifact of `name` (latest) or `name@3`; None when there is none."""
    name, _, version = reference.partition("@")
    if not _NAME.fullmatch(name):
        return None
    if not version:
        latest = _latest(store, name)
        return latest.artifact if latest else None
    return next((_read(store, path).artifact for path in _paths(store, name) if path.stem.lstrip("0") == version), None)


def every(store: Store) -> Iterator[Name]:
    """All names, latest versions and older ones. Raises UserError for a file that is no name."""
    store.origin.pull(_FOLDER)
    for path in sorted((store.root / _FOLDER).rglob("*.json")):
        yield _read(store, path)


def _latest(store: Store, name: str) -> Name | None:
    paths = _paths(store, name)
    return _read(store, paths[-1]) if paths else None


def _paths(store: Store, name: str) -> list[Path]:
    """Of all versions of a name, in their order."""
    store.origin.pull(f"{_FOLDER}/{name}")
    return sorted((store.root / _FOLDER / name).glob("[0-9]*.json"), key=lambda path: (len(path.stem), path.stem))


def _read(store: Store, path: Path) -> Name:
    try:
        name = Name.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise _refused(path, str(error).partition("\n")[0]) from error
    if store.root / name.key != path:
        raise _refused(path, f"it is {name}")
    return name


def _refused(path: Path, why: str) -> UserError:
    return UserError(f"{path} is not a version of a name as it was written ({why}): remove it")
