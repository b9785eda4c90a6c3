"""What only a language model can score: free-text answers, and contexts and reasoning where they are asked for.

A stage of its own, because it costs; a sample of each benchmark's questions costs less. What cannot be judged (a clip
without a reference context, a format without a context) and a judge that fails leave a null with the reason, never a
zero; a judge that cannot be reached fails the stage, and a rerun asks it for the rest.
"""

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import count, groupby
from typing import NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from llm.engine import Engine
from llm.prompts import judge_consistency
from schemas.artifact import Artifact
from schemas.completion import BLOCKS, BlockName, FormatName, parse
from schemas.example import Example
from schemas.llm import Llm
from schemas.runtime import Runtime
from schemas.tables import JUDGEMENTS
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import read_examples, read_rows, shard_name, write_rows
from storage.store import Store
from tasks.asking import asking
from tasks.scoring.consistency import CONSISTENCY, by_judge
from tasks.shards import Asker, all_of
from tasks.stage import stage
from training.rewards import REWARDS
from training.rewards.contract import Group, Referee, RewardScore, Rollout
from training.rewards.judged import JUDGING

_SPEAKS_OF: dict[str, BlockName] = {"context": "context", "logic": "think", CONSISTENCY: "think"}
"""The block that a judged reward is about."""


class JudgeParams(Params):
    """judge: who. format: of completions; `formats` by benchmark, where it is another. rewards: which judged rewards to
    give; free text is judged in any case. sample: for so many questions of each benchmark, drawn by `seed`; for all
    where it is None.
    """

    judge: Llm
    format: FormatName
    formats: dict[str, FormatName] = {}
    rewards: tuple[str, ...] = ()
    sample: int | None = Field(default=None, ge=1)
    seed: int = 0


class _Asked(NamedTuple):
    """An example, how its completions are written, and the rewards that they are to get."""

    example: Example
    format: FormatName
    rewards: tuple[str, ...]


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"4 prompts {JUDGING}, {judge_consistency.NAME} {judge_consistency.VERSION}", kind="scores")
def judge(
    draft: Draft,
    params: JudgeParams,
    examples: Mapping[str, Artifact],
    predictions: Artifact,
    runtime: Runtime,
) -> None:
    store = Store(runtime.store)
    asked = {
        one.example.id: one
        for name, artifact in examples.items()
        for one in _to_ask(params, name, list(read_examples(store.folder(artifact))))
    }
    rows = [row for row in read_rows(store.folder(predictions), "predictions") if not row["load_error"]]
    with asking(draft, runtime, params.judge) as engine:
        judged = asyncio.run(_judge_all(engine, rows, asked, params, draft))
        draft.usage = engine.usage
    draft.notes["unknown"] = sum(row["value"] is None for row in judged)
    write_rows(draft.folder / shard_name("judgements", 0), judged, JUDGEMENTS)


async def _judge_all(
    engine: Engine,
    rows: Sequence[dict[str, object]],
    asked: Mapping[str, _Asked],
    params: JudgeParams,
    draft: Draft,
) -> list[dict[str, object]]:
    referee = Referee(params.judge, Asker(engine).complete)
    groups = [(key, list(items)) for key, items in groupby(rows, key=lambda row: str(row["id"]))]
    done = count(1)

    async def judge_one(key: str, items: list[dict[str, object]]) -> list[dict[str, object]]:
        judged = await _judge_group(asked[key], items, referee)
        draft.progress(next(done), len(groups), "prompts")
        return judged

    async with engine.connected():
        judged = await all_of(judge_one(key, items) for key, items in groups)
    return [row for group in judged for row in group]


async def _judge_group(asked: _Asked, rows: Sequence[dict[str, object]], referee: Referee) -> list[dict[str, object]]:
    rollouts = tuple(Rollout(parse(str(row["text"]), asked.format), bool(row["truncated"])) for row in rows)
    group = Group(asked.example, rollouts, judge=referee)
    return [
        {"id": asked.example.id, "draw": row["draw"], "reward": name, "value": score.value, "reason": score.reason}
        for name in asked.rewards
        for row, score in zip(rows, await _scores(name, asked.format, group), strict=True)
    ]


async def _scores(name: str, format: FormatName, group: Group) -> list[RewardScore]:
    """What is not written in a format at all is not known; what a completion leaves out of its format is nothing."""
    block = _SPEAKS_OF.get(name)
    if block and block not in BLOCKS[format]:
        return [RewardScore(value=None, reason=f"no {block} in this format") for _ in group.rollouts]
    return await (by_judge if name == CONSISTENCY else REWARDS[name])(group)


def _to_ask(params: JudgeParams, benchmark: str, examples: Sequence[Example]) -> Iterable[_Asked]:
    ids, bare = [example.id for example in examples], {example.id for example in examples if not example.context}
    chosen = {
        name: drawn(ids, params.sample, params.seed, bare if name == "context" else ()) for name in params.rewards
    }
    for example in examples:
        rewards = tuple(name for name in params.rewards if example.id in chosen[name])
        answer = ("accuracy",) if example.answer_kind == "free_text" else ()
        yield _Asked(example, params.formats.get(benchmark, params.format), (*rewards, *answer))


def drawn(ids: Iterable[str], sample: int | None, seed: int, last: Container[str] = ()) -> set[str]:
    """Up to `sample` of the ids, by a hash of each, so that every model is judged on the same ones; all for None.

    last: ids that are taken only where the others are too few: of clips without a context to compare with, say.
    """

    def place(id: str) -> tuple[bool, bytes]:
        return id in last, blake2b(f"{seed}\n{id}".encode(), digest_size=16).digest()

    return set(sorted(ids, key=place)[:sample])
