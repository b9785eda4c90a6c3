"""The rows that a recipe is checked on: some of those that its last curation had rewritten."""

import heapq
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.artifact import Artifact
from schemas.canonical import fingerprint
from schemas.values import UserError
from storage import names
from storage.lineage import ancestors
from storage.parquet import read_rows
from storage.store import Store

_COLUMNS = ("id", "group", "question", "options", "context")


class Row(NamedTuple):
    """A rewritten example. group: its clip. question: with its options."""

    id: str
    group: str
    question: str
    context: str


def rewritten_by(store: Store, recipe: str) -> dict[str, Artifact]:
    """What the last curation of a recipe had rewritten, a source each. Raises UserError where there was none."""
    curated = names.find(store, f"{recipe}/curated")
    if curated is None:
        raise UserError(
            f"recipe {recipe} has no rewritten rows in {store.root}: run `contextfirst curate {recipe}` first, or name "
            "another store with --store"
        )
    steps = (step.manifest.artifact for step in ancestors(store, curated) if step.manifest.stage == "rewrite")
    return {artifact.fingerprint[:12]: artifact for artifact in steps}


def draw(folders: Iterable[Path], count: int, seed: int) -> list[Row]:
    """Rows with a context at random: which ones depends on their ids and the seed alone."""
    rows = (row for folder in folders for row in read_rows(folder, "examples", _COLUMNS) if row["context"].strip())
    chosen = heapq.nsmallest(count, rows, key=lambda row: fingerprint([seed, row["id"]]))
    return [Row(row["id"], row["group"], _asked(row), row["context"]) for row in chosen]


def _asked(row: dict[str, object]) -> str:
    options = row["options"]
    assert isinstance(options, list)
    return "\n".join([str(row["question"]), *(f"{option['label']}. {option['text']}" for option in options)])
