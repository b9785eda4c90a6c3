"""The rows a subprocess reads: one split of some example artifacts, in one Parquet file of the draft's work folder."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from schemas.artifact import Artifact
from schemas.example import Example
from schemas.values import UserError
from storage.draft import Draft
from storage.parquet import read_examples, shard_name, write_examples
from storage.store import Store


def write_split(
    draft: Draft,
    store: Store,
    examples: Iterable[Artifact],
    split: str,
    most: int | None = None,
    name: str = "examples",
) -> Path:
    """Write the examples of a split (all for the empty name) and return the file, which is called after `name`.

    Raises UserError when there are none: training on nothing is never meant.
    """
    path = draft.work / shard_name(name, 0)
    chosen = (row for row in _rows(store, examples) if not split or row.split == split)
    if not write_examples(path, islice(chosen, most)):
        raise UserError(f"no examples of split {split or 'any'!r} are left: loosen curation, or add data")
    return path


def _rows(store: Store, examples: Iterable[Artifact]) -> Iterator[Example]:
    for artifact in examples:
        yield from read_examples(store.folder(artifact))
