"""Each source's way through reading, rewriting, rating and curation, read back from what those stages left."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from reporting.quality import Step
from schemas.example import Reject
from storage.parquet import read_rejects, read_rows

STEPS = READING, REWRITING, RATING, CURATION = "reading", "rewriting", "rating", "curation"
ALL_STEPS = "all steps"
_WRITTEN: dict[str, tuple[str, ...]] = {REWRITING: ("context", "think"), RATING: ("ratings",)}
"""The fields that a language model writes in a step."""
_PROVENANCE = ("id", "provenance.list.element.field", "provenance.list.element.prompt")


class Folders(NamedTuple):
    """Where the rows lie after each step: a folder a source, and one for what was chosen from all of them."""

    read: Mapping[str, Path]
    rewritten: Mapping[str, Path]
    rated: Mapping[str, Path]
    curated: Path


class Passage(NamedTuple):
    """One source in one step.

    examples: where the rows that entered lie; of reading, before which there are none, those that it let through.
    groups: of all rows that entered, by id. rejects: by id. repaired: ids of accepted rows that took a second reply.
    """

    source: str
    step: str
    examples: Path
    groups: Mapping[str, str]
    rejects: Mapping[str, Reject]
    repaired: Collection[str] = ()

    @property
    def accepted(self) -> Iterator[str]:
        return (id for id in self.groups if id not in self.rejects)

    def counted(self) -> Step:
        """The columns that the report counts."""
        reasons = [self.rejects[id].reason if id in self.rejects else "" for id in self.groups]
        repaired = [id in self.repaired for id in self.groups]
        return Step(self.source, self.step, list(self.groups.values()), reasons, repaired)


def passages(folders: Folders) -> Iterator[Passage]:
    """Source by source, each step in its order."""
    chosen = {reject.id: reject for reject in read_rejects(folders.curated)}
    for source in sorted(folders.read):
        read, rewritten, rated = (made[source] for made in (folders.read, folders.rewritten, folders.rated))
        yield _reading(source, read)
        yield _writing(source, REWRITING, read, rewritten)
        yield _writing(source, RATING, rewritten, rated)
        groups = _groups(rated)
        yield Passage(source, CURATION, rated, groups, {id: chosen[id] for id in groups if id in chosen})


def whole_way(steps: Collection[Passage]) -> Step:
    """One source from its first step to its last: a row's reason is the step that it left in."""
    first = next(iter(steps))
    lost = {id: f"lost in {step.step}" for step in steps for id in step.rejects}
    reasons = [lost.get(id, "") for id in first.groups]
    return Step(first.source, ALL_STEPS, list(first.groups.values()), reasons, [False] * len(reasons))


def _reading(source: str, read: Path) -> Passage:
    """A row that could not be read is of no known video, and stands for itself."""
    rejects = {reject.id: reject for reject in read_rejects(read)}
    return Passage(source, READING, read, _groups(read) | {id: id for id in rejects}, rejects)


def _writing(source: str, step: str, before: Path, after: Path) -> Passage:
    rejects = {reject.id: reject for reject in read_rejects(after)}
    return Passage(source, step, before, _groups(before), rejects, frozenset(_repaired(after, _WRITTEN[step])))


def _groups(folder: Path) -> dict[str, str]:
    return {row["id"]: row["group"] for row in read_rows(folder, "examples", ("id", "group"))}


def _repaired(folder: Path, fields: Collection[str]) -> Iterator[str]:
    for row in read_rows(folder, "examples", _PROVENANCE):
        prompts = (made["prompt"] for made in row["provenance"] if made["field"] in fields)
        if any(prompt.endswith("repair") for prompt in prompts):
            yield row["id"]
