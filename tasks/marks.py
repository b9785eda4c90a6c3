"""Which shards of a long stage are done: a mark each, written after the shard's files are whole.

A mark means that the shard is done, so a rerun skips it, and a stage's counts are the sum of its marks.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from schemas.artifact import Rows, Usage
from schemas.example import Example, Reject
from schemas.values import Value
from storage.draft import Draft
from storage.files import write_text
from storage.parquet import shard_name, write_examples, write_rejects

_MARK = "shard-{:05d}.json"
NOTHING = Usage()
_MARKS = re.compile(r"shard-\d{5,}\.json")


class Mark(Value):
    """What a finished shard took in, gave out, and cost."""

    rows: Rows
    usage: Usage = NOTHING


class Shard(NamedTuple):
    """What became of one shard's rows."""

    examples: list[Example]
    rejects: list[Reject]

    @classmethod
    def of(cls, rows: Iterable[Example | Reject]) -> "Shard":
        """Rows sorted apart, each kind in its order."""
        shard = cls([], [])
        for row in rows:
            (shard.examples if isinstance(row, Example) else shard.rejects).append(row)  # type: ignore[arg-type]
        return shard


def is_done(work: Path, index: int) -> bool:
    return _place(work, index).exists()


def finish(
    folder: Path,
    work: Path,
    index: int,
    entered: int,
    shard: Shard,
    usage: Usage = NOTHING,
) -> Mark:
    """Write a shard's files and then its mark."""
    write_examples(folder / shard_name("examples", index), shard.examples)
    write_rejects(folder / shard_name("rejects", index), shard.rejects)
    rejected = Counter(reject.reason for reject in shard.rejects)
    counts = Rows(entered=entered, left=len(shard.examples), rejected=dict(rejected))
    mark = Mark(rows=counts, usage=usage)
    write_text(_place(work, index), mark.model_dump_json())
    return mark


def mark_of(work: Path, index: int) -> Mark:
    return Mark.model_validate_json(_place(work, index).read_text())


def count(draft: Draft, mark: Mark) -> None:
    """Add one shard's counts and usage to the draft's."""
    draft.entered += mark.rows.entered
    draft.left += mark.rows.left
    draft.rejected.update(mark.rows.rejected)
    draft.usage += mark.usage


def number(work: Path) -> int:
    """How many shards are done."""
    return sum(1 for path in work.iterdir() if _MARKS.fullmatch(path.name))


def count_all(draft: Draft) -> None:
    """Add up the marks of all shards."""
    for index in range(number(draft.work)):
        count(draft, mark_of(draft.work, index))


def forget(draft: Draft) -> None:
    """Let the next run do all shards again."""
    for path in draft.work.iterdir():
        if _MARKS.fullmatch(path.name):
            path.unlink()


def _place(work: Path, index: int) -> Path:
    return work / _MARK.format(index)
