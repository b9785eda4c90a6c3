"""A long stage that asks a language model, in shards: finished shards are skipped on a rerun, in the rows' order.

The LLM is asked in one event loop for the whole stage. A shard is opened whenever too few requests wait for their turn,
so that the slow and the retried rows of those before hold nobody up, and memory holds the open ones alone.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar, cast

from llm.engine import Engine, usage_of
from llm.request import LATER, Check, Outcome, Request
from schemas.artifact import Usage
from schemas.example import Example
from schemas.failures import NoAnswer
from schemas.llm import Llm
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import count_rows, read_examples, shards
from tasks import marks
from tasks.asking import asking
from tasks.marks import Shard


class Asker:
    """Asks for one shard, and counts what that cost."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.usage = Usage()

    async def complete(self, requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        """One outcome a request, in their order. Raises NoAnswer where one might yet be answered.

        `check` reads each answer; one that it refuses is `unparsable`.
        """
        outcomes = await self._engine.complete(requests, check)
        self.usage += usage_of({outcome.identity: outcome for outcome in outcomes}.values())
        require_answers(outcomes)
        return outcomes


_RARE_COLLECTIONS = (50_000, 20, 100)
"""For the rest of the process: thousands of requests live for a fraction of a second, and looking through all of them
at every 700th object took a quarter of a pass's CPU time (`python -m benchmarks.llm`)."""

_AHEAD, _MOST_OPEN = 2, 32
"""Requests begun, as a multiple of those that may be under way; shards open at once."""

Result = TypeVar("Result")
Work = Callable[[Asker, Sequence[Example]], Awaitable[Shard]]


class AskingParams(Params):
    """llm: who is asked. rows_per_shard: what is done or not done, as one."""

    llm: Llm
    rows_per_shard: int


def map_shards(draft: Draft, params: AskingParams, folder: Path, work: Work, runtime: Runtime) -> None:
    """Write what becomes of the examples in `folder` to the draft, and add up the shards' counts and usage."""
    gc.set_threshold(*_RARE_COLLECTIONS)
    total = sum(count_rows(path)[0] for path in shards(folder, "examples"))
    batches = _split(read_examples(folder), params.rows_per_shard)
    with asking(draft, runtime, params.llm) as engine:
        asyncio.run(_Pass(engine, draft, total, work).over(batches, _AHEAD * runtime.llm.concurrency))
    marks.count_all(draft)


def start_over(draft: Draft, params: AskingParams, runtime: Runtime) -> None:
    """Let the next run ask again for all that failed; what was answered stays in the response log."""
    marks.forget(draft)
    with asking(draft, runtime, params.llm) as engine:
        engine.forget_failures()


def require_answers(outcomes: Sequence[Outcome]) -> None:
    """Raises NoAnswer when a request might yet be answered: such a row is neither accepted nor rejected."""
    open_ones = [outcome for outcome in outcomes if outcome.failure in (*LATER, "missing")]
    if open_ones:
        raise NoAnswer(
            f"{len(open_ones)} of {len(outcomes)} requests got no answer ({open_ones[0].failure}: "
            f"{open_ones[0].detail}); the others are kept in the response log, so a rerun sends only these"
        )


class _Pass:
    """One pass over all shards."""

    def __init__(self, engine: Engine, draft: Draft, total: int, work: Work) -> None:
        self._engine, self._draft, self._total, self._work = engine, draft, total, work
        self._done = 0
        self._moved = asyncio.Event()
        engine.on_end = self._moved.set

    async def over(self, batches: Iterator[list[Example]], ahead: int) -> None:
        """Do all shards, with at least `ahead` requests begun while there are any.

        What fails stops the start of others; those that are open end first.
        """
        open_ones = set[asyncio.Task[None]]()
        async with self._engine.connected():
            for index, rows in enumerate(batches):
                open_ones.add(asyncio.create_task(self._do(index, rows)))
                ended = await self._room(open_ones, ahead)
                if any(task.exception() for task in ended):
                    break
                open_ones -= ended
            await all_of(open_ones)

    async def _room(self, open_ones: set[asyncio.Task[None]], ahead: int) -> set[asyncio.Task[None]]:
        """Wait until another shard may be opened, or one has failed; the shards that have ended."""
        await asyncio.sleep(0)  # the newest begins its requests
        while True:
            ended = {task for task in open_ones if task.done()}
            few = self._engine.begun < ahead and len(open_ones - ended) < _MOST_OPEN
            if few or any(task.exception() for task in ended):
                return ended
            self._moved.clear()
            await self._moved.wait()

    async def _do(self, index: int, rows: Sequence[Example]) -> None:
        try:
            if not marks.is_done(self._draft.work, index):
                asker = Asker(self._engine)
                shard = await self._work(asker, rows)
                marks.finish(self._draft.folder, self._draft.work, index, len(rows), shard, asker.usage)
        finally:
            self._moved.set()
        self._done += len(rows)
        self._draft.progress(self._done, self._total, "rows")


async def all_of(calls: Iterable[Awaitable[Result]]) -> list[Result]:
    """What all calls return. When one raises, the others end first: what they have sent is paid for."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
    return cast(list[Result], ended)


def _split(examples: Iterable[Example], rows_per_shard: int) -> Iterator[list[Example]]:
    rows = iter(examples)
    while shard := list(islice(rows, rows_per_shard)):
        yield shard
