"""A long stage in shards: finished shards are skipped on a rerun, and their order is the rows' order.

A shard's files are whole before its mark is written, so a mark means that the shard is done. The LLM is asked in one
event loop for the whole stage.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from llm.engine import Engine
from llm.request import Outcome
from schemas.artifact import Rows, Usage
from schemas.example import Example, Reject
from schemas.failures import NoAnswer
from schemas.values import Runtime, Value
from storage.draft import Draft
from storage.files import write_text
from storage.parquet import shard_name, write_examples, write_rejects
from storage.store import Store


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


class _Mark(Value):
    rows: Rows
    usage: Usage


Work = Callable[[Engine, Sequence[Example]], Awaitable[Shard]]


def map_shards(draft: Draft, examples: Sequence[Example], rows_per_shard: int, work: Work, runtime: Runtime) -> None:
    """Write examples and rejects of all shards to the draft, and add up their counts and usage."""
    starts = range(0, len(examples), rows_per_shard)
    store = Store(runtime.store)
    with asyncio.Runner() as runner:
        for index, start in enumerate(starts):
            mark_file = draft.work / f"shard-{index:05d}.json"
            if not mark_file.exists():
                rows = examples[start : start + rows_per_shard]
                mark = runner.run(_do(store, draft, index, rows, work, runtime))
                write_text(mark_file, mark.model_dump_json())
            _add(draft, _Mark.model_validate_json(mark_file.read_text()))
            draft.progress(min(start + rows_per_shard, len(examples)), len(examples), "rows")


async def _do(store: Store, draft: Draft, index: int, rows: Sequence[Example], work: Work, runtime: Runtime) -> _Mark:
    engine = Engine(store.responses, store.blobs, runtime.concurrency, replay=runtime.replay)
    try:
        shard = await work(engine, rows)
    finally:
        engine.close()
    _write(draft.folder, index, shard)
    rejected = Counter(reject.reason for reject in shard.rejects)
    counts = Rows(entered=len(rows), left=len(shard.examples), rejected=dict(rejected))
    return _Mark(rows=counts, usage=engine.usage)


def _write(folder: Path, index: int, shard: Shard) -> None:
    write_examples(folder / shard_name("examples", index), shard.examples)
    write_rejects(folder / shard_name("rejects", index), shard.rejects)


def _add(draft: Draft, mark: _Mark) -> None:
    draft.entered += mark.rows.entered
    draft.left += mark.rows.left
    draft.rejected.update(mark.rows.rejected)
    sums = {name: getattr(draft.usage, name) + getattr(mark.usage, name) for name in Usage.model_fields}
    draft.usage = Usage(**sums)


def require_answers(outcomes: Sequence[Outcome]) -> None:
    """Raises NoAnswer when a request might yet be answered: such a row is neither accepted nor rejected."""
    open_ones = [outcome for outcome in outcomes if outcome.failure in ("unavailable", "timeout", "missing")]
    if open_ones:
        raise NoAnswer(
            f"{len(open_ones)} of {len(outcomes)} requests got no answer ({open_ones[0].failure}: "
            f"{open_ones[0].detail}); the others are kept in the response log, so a rerun sends only these"
        )
