"""A long stage that asks a language model, in shards: finished shards are skipped on a rerun, in the rows' order.

The LLM is asked in one event loop for all shards of a process. A shard is opened whenever too few requests wait for
their turn, so that the slow and the retried rows of those before hold nobody up, and memory holds the open ones alone.
Where the runtime names other processes or a cluster, each takes every n-th shard as a lane (`tasks.asking_lane`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow as pa

from llm.engine import Engine, usage_of
from llm.log import ResponseLog
from llm.request import FINAL, Check, Outcome, Request
from schemas.artifact import Usage
from schemas.example import Example, from_row
from schemas.failures import NoAnswer
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from schemas.values import Params, Value
from storage.draft import Draft
from storage.files import write_text
from storage.parquet import count_rows, read_batches, shards
from tasks import marks
from tasks.asking import asking, response_log
from tasks.collecting import collecting_rarely
from tasks.executors import Crew, crew, is_elsewhere, run_lanes
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


_YOUNG = 50_000
_AHEAD, _MOST_OPEN = 2, 32
"""Requests begun, as a multiple of those that may be under way; shards open at once."""

_LOST = "asked-again-{}.txt"

Result = TypeVar("Result")
Done = Callable[[int], object]
"""Is told the rows that are done."""


class AskingParams(Params):
    """llm: who is asked. rows_per_shard: what is done or not done, as one."""

    llm: Llm
    rows_per_shard: int


Work = Callable[[Asker, Sequence[Example], Any], Awaitable[Shard]]
"""What becomes of a shard's rows, by a stage's params."""


def _untold(rows: int) -> None:
    """Nobody asks."""


class AskingLane(Value):
    """Shards `index`, `index + of`, `index + 2 of`... of a stage.

    params: the stage's. examples: folder of the rows. folder, work: of the draft. runtime: with this lane's part of the
    limits. parent: pipe to watch.
    """

    stage: str
    params: dict[str, Any]
    examples: str
    folder: str
    work: str
    runtime: Runtime
    index: int = 0
    of: int = 1
    parent: str | None = None


def map_shards(draft: Draft, params: AskingParams, folder: Path, work: Work, runtime: Runtime) -> None:
    """Write what becomes of the examples in `folder` to the draft, and add up the shards' counts and usage."""
    total = sum(count_rows(path)[0] for path in shards(folder, "examples"))
    lane = AskingLane(
        stage=draft.folder.parent.name,
        params=params.model_dump(mode="json"),
        examples=str(folder),
        folder=str(draft.folder),
        work=str(draft.work),
        runtime=Runtime.model_validate(runtime.model_dump(include=set(Runtime.model_fields))),
    )
    if is_elsewhere(runtime):
        number = -(-total // params.rows_per_shard)
        with crew(runtime) as by:
            jobs = _shared_out(lane, by, params, number)
            run_lanes("tasks.asking_lane", jobs, by, draft, runtime, number)
        draft.notes |= _lost(draft)
    else:
        with asking(draft, runtime, params.llm, by_shards=True) as engine:
            ask_lane(lane, engine, params, work, lambda rows: draft.progress(rows, total, "rows"))
    marks.count_all(draft)
    if draft.entered != total:
        raise RuntimeError(f"{draft.entered} of {total} rows are in shards that are done: please report this fault")


def ask_lane(lane: AskingLane, engine: Engine, params: AskingParams, work: Work, done: Done = _untold) -> None:
    """Do the shards of a lane that are not done yet, in this process."""
    with collecting_rarely(_YOUNG):
        asyncio.run(_Pass(engine, lane, params, work, done).over(_AHEAD * lane.runtime.llm.concurrency))


def keep_lost(lane: AskingLane, number: int) -> None:
    """Note that a lane has asked again for so many requests that an earlier process had under way."""
    if number:
        place = Path(lane.work) / _LOST.format(lane.index)
        earlier = int(place.read_text()) if place.exists() else 0
        write_text(place, str(earlier + number))


def _lost(draft: Draft) -> dict[str, int]:
    number = sum(int(place.read_text()) for place in draft.work.glob(_LOST.format("*")))
    return {"asked_again": number} if number else {}


def _shared_out(lane: AskingLane, by: Crew, params: AskingParams, number: int) -> list[AskingLane]:
    with (
        response_log(lane.runtime, params.llm) as log,
        closing(ResponseLog(log, Path(lane.folder).name)) as opened,
    ):
        parts = parts_of(lane.runtime.llm, by, number, opened.spent())
    runtimes = [lane.runtime.model_copy(update={"llm": part}) for part in parts]
    return [
        lane.model_copy(update={"runtime": theirs, "index": index, "of": len(runtimes)})
        for index, theirs in enumerate(runtimes)
    ]


def parts_of(limits: LlmLimits, by: Crew, number: int, spent: tuple[float, int]) -> list[LlmLimits]:
    """The limits of each lane, so that all together stay within the run's. spent: dollars and tokens so far.

    There are no more lanes than `number`, the shards, nor than are to be asked for at once.
    """
    lanes = max(1, min(by.lanes, limits.concurrency, number))
    shared = _of_one_host(limits, min(len(by.hosts), lanes), spent)
    places = [limits.concurrency // lanes + (index < limits.concurrency % lanes) for index in range(lanes)]
    return [shared.model_copy(update={"concurrency": most}) for most in places]


def _of_one_host(limits: LlmLimits, hosts: int, spent: tuple[float, int]) -> LlmLimits:
    """What the processes of one host share: rates and budgets."""
    if hosts == 1:
        return limits
    dollars, tokens = spent
    most_tokens = _part(limits.max_tokens, tokens, hosts)
    return limits.model_copy(
        update={
            "requests_per_minute": limits.requests_per_minute and max(1, limits.requests_per_minute // hosts),
            "tokens_per_minute": limits.tokens_per_minute and max(1, limits.tokens_per_minute // hosts),
            "max_dollars": _part(limits.max_dollars, dollars, hosts),
            "max_tokens": None if most_tokens is None else int(most_tokens),
        }
    )


def _part(most: float | None, spent: float, hosts: int) -> float | None:
    """How far one host may let the sum rise that all begin with."""
    return None if most is None else spent + max(0.0, most - spent) / hosts


def start_over(draft: Draft, params: AskingParams, runtime: Runtime) -> None:
    """Let the next run ask again for all that failed; what was answered stays in the response log."""
    marks.forget(draft)
    with asking(draft, runtime, params.llm) as engine:
        engine.forget_failures()


def require_answers(outcomes: Sequence[Outcome]) -> None:
    """Raises NoAnswer when a request might yet be answered: such a row is neither accepted nor rejected."""
    open_ones = [outcome for outcome in outcomes if outcome.failure and outcome.failure not in FINAL]
    if open_ones:
        raise NoAnswer(
            f"{len(open_ones)} of {len(outcomes)} requests got no answer ({open_ones[0].failure}: "
            f"{open_ones[0].detail}); the others are kept in the response log, so a rerun sends only these"
        )


class _Pass:
    """One pass over the shards of a lane."""

    def __init__(self, engine: Engine, lane: AskingLane, params: AskingParams, work: Work, done: Done) -> None:
        self._engine, self._lane, self._params, self._work = engine, lane, params, work
        self._draft = Path(lane.work)
        self._told = done
        self._rows = marks.number(self._draft) * params.rows_per_shard
        self._moved = asyncio.Event()
        engine.on_end = self._moved.set

    async def over(self, ahead: int) -> None:
        """Do all shards, with at least `ahead` requests begun while there are any.

        What fails stops the start of others; those that are open end first.
        """
        open_ones = set[asyncio.Task[None]]()
        async with self._engine.connected():
            for index, rows in shards_of(Path(self._lane.examples), self._params.rows_per_shard, self._is_mine):
                open_ones.add(asyncio.create_task(self._do(index, rows)))
                ended = await self._room(open_ones, ahead)
                if any(task.exception() for task in ended):
                    break
                open_ones -= ended
            await all_of(open_ones)

    def _is_mine(self, index: int) -> bool:
        return index % self._lane.of == self._lane.index and not marks.is_done(self._draft, index)

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
            asker = Asker(self._engine)
            shard = await self._work(asker, rows, self._params)
            marks.finish(Path(self._lane.folder), self._draft, index, len(rows), shard, asker.usage)
        finally:
            self._moved.set()
        self._rows += len(rows)
        self._told(self._rows)


async def all_of(calls: Iterable[Awaitable[Result]]) -> list[Result]:
    """What all calls return. When one raises, the others end first: what they have sent is paid for."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error
    return cast(list[Result], ended)


def shards_of(folder: Path, size: int, is_mine: Callable[[int], bool]) -> Iterator[tuple[int, list[Example]]]:
    """Index and rows of the shards that are mine; the others' rows are passed over without being built."""
    passed, waiting = 0, list[Example]()
    for batch in read_batches(folder, "examples"):
        for piece in _pieces(batch, passed, size):
            index, at = divmod(passed, size)
            mine = bool(waiting) if at else is_mine(index)
            waiting += map(from_row, piece.to_pylist()) if mine else ()
            passed += piece.num_rows
            if waiting and passed % size == 0:
                yield index, waiting
                waiting = []
    if waiting:
        yield passed // size, waiting


def _pieces(batch: pa.RecordBatch, passed: int, size: int) -> Iterator[pa.RecordBatch]:
    """The batch, cut where shards of `size` rows begin, after `passed` rows before it."""
    begin = 0
    while begin < batch.num_rows:
        length = size - (passed + begin) % size
        yield batch.slice(begin, length)
        begin += length
