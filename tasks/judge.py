"""What only a language model can score: free-text answers, and contexts and reasoning where a probe asks for them.

A stage of its own, because it costs. A judge that fails leaves a null with the reason, never a zero; one that cannot
be reached fails the stage, and a rerun asks it for the rest.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count, groupby

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.engine import Engine
from schemas.artifact import Artifact
from schemas.completion import FormatName, parse
from schemas.example import Example
from schemas.llm import Llm
from schemas.runtime import Runtime
from schemas.tables import JUDGEMENTS
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import read_examples, read_rows, shard_name, write_rows
from storage.store import Store
from tasks.asking import asking
from tasks.shards import Asker, all_of
from tasks.stage import stage
from training.rewards import REWARDS
from training.rewards.contract import Group, Referee, Rollout
from training.rewards.judged import JUDGING


class JudgeParams(Params):
    """judge: who. rewards: which judged rewards to give every completion; free text is judged in any case."""

    judge: Llm
    format: FormatName
    rewards: tuple[str, ...] = ()


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"3 prompts {JUDGING}", kind="scores")
def judge(
    draft: Draft,
    params: JudgeParams,
    examples: Mapping[str, Artifact],
    predictions: Artifact,
    runtime: Runtime,
) -> None:
    store = Store(runtime.store)
    by_id = {row.id: row for artifact in examples.values() for row in read_examples(store.folder(artifact))}
    rows = [row for row in read_rows(store.folder(predictions), "predictions") if not row["load_error"]]
    with asking(draft, runtime, params.judge) as engine:
        judged = asyncio.run(_judge_all(engine, rows, by_id, params, draft))
        draft.usage = engine.usage
    draft.notes["unknown"] = sum(row["value"] is None for row in judged)
    write_rows(draft.folder / shard_name("judgements", 0), judged, JUDGEMENTS)


async def _judge_all(
    engine: Engine,
    rows: Sequence[dict[str, object]],
    examples: Mapping[str, Example],
    params: JudgeParams,
    draft: Draft,
) -> list[dict[str, object]]:
    referee = Referee(params.judge, Asker(engine).complete)
    groups = [(key, list(items)) for key, items in groupby(rows, key=lambda row: str(row["id"]))]
    done = count(1)

    async def judge_one(key: str, items: list[dict[str, object]]) -> list[dict[str, object]]:
        judged = await _judge_group(examples[key], items, params, referee)
        draft.progress(next(done), len(groups), "prompts")
        return judged

    async with engine.connected():
        judged = await all_of(judge_one(key, items) for key, items in groups)
    return [row for group in judged for row in group]


async def _judge_group(
    example: Example, rows: Sequence[dict[str, object]], params: JudgeParams, referee: Referee
) -> list[dict[str, object]]:
    names = [*params.rewards, *(["accuracy"] if example.answer_kind == "free_text" else [])]
    rollouts = tuple(Rollout(parse(str(row["text"]), params.format), bool(row["truncated"])) for row in rows)
    group = Group(example, rollouts, judge=referee)
    judged: list[dict[str, object]] = []
    for name in names:
        for row, score in zip(rows, await REWARDS[name](group), strict=True):
            shown = {"id": example.id, "draw": row["draw"], "reward": name}
            judged.append({**shown, "value": score.value, "reason": score.reason})
    return judged
