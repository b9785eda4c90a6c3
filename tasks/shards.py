"""A long stage in shards: finished shards are skipped on a rerun, and their order is the rows' order.

A shard's files are whole before its mark is written, so a mark means that the shard is done. The LLM is asked in one
event loop for the whole stage.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
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


_MARK = "shard-{:05d}.json"
Work = Callable[[Engine, Sequence[Example]], Awaitable[Shard]]


def map_shards(draft: Draft, examples: Sequence[Example], rows_per_shard: int, work: Work, runtime: Runtime) -> None:
    """Write examples and rejects of all shards to the draft, and add up their counts and usage."""
    store = Store(runtime.store)
    engine = Engine(store.responses, store.blobs, runtime.concurrency, replay=runtime.replay)
    with closing(engine):
        asyncio.run(_do_all(engine, draft, examples, rows_per_shard, work))


def forget_shards(draft: Draft) -> None:
    """Let the next run do all shards again."""
    for path in draft.work.glob(_MARK.replace("{:05d}", "*")):
        path.unlink()


async def _do_all(engine: Engine, draft: Draft, examples: Sequence[Example], rows_per_shard: int, work: Work) -> None:
    async with engine.connected():
        for index, start in enumerate(range(0, len(examples), rows_per_shard)):
            mark_file = draft.work / _MARK.format(index)
            if not mark_file.exists():
                rows = examples[start : start + rows_per_shard]
                mark = await _do(engine, draft.folder, index, rows, work)
                write_text(mark_file, mark.model_dump_json())
            _add(draft, _Mark.model_validate_json(mark_file.read_text()))
            draft.progress(min(start + rows_per_shard, len(examples)), len(examples), "rows")


async def _do(engine: Engine, folder: Path, index: int, rows: Sequence[Example], work: Work) -> _Mark:
    before = engine.usage
    shard = await work(engine, rows)
    _write(folder, index, shard)
    rejected = Counter(reject.reason for reject in shard.rejects)
    counts = Rows(entered=len(rows), left=len(shard.examples), rejected=dict(rejected))
    spent = {name: getattr(engine.usage, name) - getattr(before, name) for name in Usage.model_fields}
    return _Mark(rows=counts, usage=Usage(**spent))


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
