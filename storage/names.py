"""Human names beside fingerprints: `curated/demo@3` is the third artifact that was called `curated/demo`.

{store}/names/curated/demo/00003.json holds the reference. Giving a name to the artifact that has it already adds no
version, so that a rerun which reuses everything leaves the names alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from schemas.artifact import Artifact
from schemas.values import UserError, Value
from storage.files import write_text

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")


class Name(Value):
    """One version of a name."""

    name: str
    version: int
    artifact: Artifact

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def give(root: Path, name: str, artifact: Artifact) -> Name:
    """Call an artifact `name`; a new version unless it is the latest already."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no artifact name: use lower-case letters, digits, `-`, `_`, `.` and `/`")
    latest = _versions(root, name)[-1:]
    if latest and latest[0].artifact == artifact:
        return latest[0]
    named = Name(name=name, version=latest[0].version + 1 if latest else 1, artifact=artifact)
    write_text(root / "names" / name / f"{named.version:05d}.json", named.model_dump_json())
    return named


def find(root: Path, reference: str) -> Artifact | None:
    """The artifact of `name` (latest) or `name@3`; None when there is none."""
    name, _, version = reference.partition("@")
    if not _NAME.fullmatch(name):
        return None
    versions = _versions(root, name)
    if version:
        versions = [found for found in versions if str(found.version) == version]
    return versions[-1].artifact if versions else None


def every(root: Path) -> Iterator[Name]:
    """All names, latest versions and older ones."""
    for path in sorted((root / "names").rglob("*.json")):
        yield Name.model_validate_json(path.read_text(encoding="utf-8"))


def _versions(root: Path, name: str) -> list[Name]:
    paths = sorted((root / "names" / name).glob("[0-9]*.json"))
    return [Name.model_validate_json(path.read_text(encoding="utf-8")) for path in paths]
