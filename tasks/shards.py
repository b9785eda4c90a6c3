"""A long stage that asks a language model, in shards: finished shards are skipped on a rerun, in the rows' order.

The LLM is asked in one event loop for the whole stage.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing

from llm.engine import Engine
from llm.request import Outcome
from schemas.artifact import Usage
from schemas.example import Example
from schemas.failures import NoAnswer
from schemas.values import Runtime
from storage.draft import Draft
from storage.store import Store
from tasks import marks
from tasks.marks import Shard

Work = Callable[[Engine, Sequence[Example]], Awaitable[Shard]]


def map_shards(draft: Draft, examples: Sequence[Example], rows_per_shard: int, work: Work, runtime: Runtime) -> None:
    """Write examples and rejects of all shards to the draft, and add up their counts and usage."""
    store = Store(runtime.store)
    engine = Engine(store.responses, store.blobs, runtime.concurrency, replay=runtime.replay)
    with closing(engine):
        asyncio.run(_do_all(engine, draft, examples, rows_per_shard, work))


async def _do_all(engine: Engine, draft: Draft, examples: Sequence[Example], rows_per_shard: int, work: Work) -> None:
    async with engine.connected():
        for index, start in enumerate(range(0, len(examples), rows_per_shard)):
            if not marks.is_done(draft.work, index):
                await _do(engine, draft, index, examples[start : start + rows_per_shard], work)
            marks.count(draft, marks.mark_of(draft.work, index))
            draft.progress(min(start + rows_per_shard, len(examples)), len(examples), "rows")


async def _do(engine: Engine, draft: Draft, index: int, rows: Sequence[Example], work: Work) -> None:
    before = engine.usage
    shard = await work(engine, rows)
    spent = {name: getattr(engine.usage, name) - getattr(before, name) for name in Usage.model_fields}
    marks.finish(draft.folder, draft.work, index, len(rows), shard, Usage(**spent))


def require_answers(outcomes: Sequence[Outcome]) -> None:
    """Raises NoAnswer when a request might yet be answered: such a row is neither accepted nor rejected."""
    open_ones = [outcome for outcome in outcomes if outcome.failure in ("unavailable", "timeout", "missing")]
    if open_ones:
        raise NoAnswer(
            f"{len(open_ones)} of {len(outcomes)} requests got no answer ({open_ones[0].failure}: "
            f"{open_ones[0].detail}); the others are kept in the response log, so a rerun sends only these"
        )
