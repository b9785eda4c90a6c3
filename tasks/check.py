"""Try a recipe's judge of contexts on texts that must not score, and count the facts that its contexts state.

A judge that can be talked into a score trains a policy to talk, and contexts without facts give it nothing to compare.
Judging and counting are requests like all others: what was asked once is in the response log.
"""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.engine import Engine
from llm.prompts import judge_context, paraphrase, scoring, specificity
from llm.request import Outcome
from schemas.artifact import Artifact
from schemas.curation import Check
from schemas.llm import Llm
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.files import write_text
from storage.parquet import shard_name, write_rows
from storage.store import Store
from tasks.asking import asking
from tasks.checking.answers import FACTS, TRIALS, Stated, Trial
from tasks.checking.candidates import Clip, candidates, clips
from tasks.checking.findings import conclude
from tasks.checking.rows import Row, draw
from tasks.curation.words import words
from tasks.shards import Asker
from tasks.stage import stage

_PROMPTS = ", ".join(f"{prompt.NAME} {prompt.VERSION}" for prompt in (judge_context, paraphrase, specificity))

FINDINGS = "check.json"


class CheckParams(Params):
    """judge: who is tried, and counts facts. writer: who paraphrases."""

    judge: Llm
    writer: Llm
    check: Check


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"1 prompts {_PROMPTS}", kind="scores")
def check(draft: Draft, params: CheckParams, rewritten: Mapping[str, Artifact], runtime: Runtime) -> None:
    store, most = Store(runtime.store), max(params.check.examples, params.check.contexts)
    rows = draw([store.folder(rewritten[name]) for name in sorted(rewritten)], most, params.check.seed)
    tried = clips(rows, params.check.examples)
    with asking(draft, runtime, params.judge, params.writer) as engine:
        trials, facts = asyncio.run(_ask(engine, tried, rows[: params.check.contexts], params))
    draft.usage = engine.usage
    found = conclude(params.judge, params.writer, trials, facts, params.check)
    write_rows(draft.folder / shard_name("trials", 0), (trial._asdict() for trial in trials), TRIALS)
    write_rows(draft.folder / shard_name("facts", 0), (stated.row() for stated in facts), FACTS)
    write_text(draft.folder / FINDINGS, found.model_dump_json(indent=2))


async def _ask(
    engine: Engine, tried: Sequence[Clip], rows: Sequence[Row], params: CheckParams
) -> tuple[list[Trial], list[Stated]]:
    asker = Asker(engine)
    async with engine.connected():
        again = await _paraphrased(asker, tried, params.writer)
        return await _try(asker, again, params.judge), await _count(asker, rows, params.judge)


async def _paraphrased(asker: Asker, tried: Sequence[Clip], writer: Llm) -> list[Clip]:
    """The clips with a paraphrase each, but for those where the writer failed or changed nothing."""
    requests = [paraphrase.request(writer, clip.row.context) for clip in tried]
    return [
        clip._replace(again=outcome.text) if outcome.text and words(outcome.text) != words(clip.row.context) else clip
        for clip, outcome in zip(tried, await asker.complete(requests, paraphrase.parse), strict=True)
    ]


async def _try(asker: Asker, tried: Sequence[Clip], judge: Llm) -> list[Trial]:
    shown = list(candidates(tried))
    requests = [judge_context.request(judge, one.row.context, one.text) for one in shown]
    outcomes = await asker.complete(requests, scoring.parse)
    return [
        Trial(one.row.id, one.kind, one.text, scoring.score(outcome), outcome.failure or "")
        for one, outcome in zip(shown, outcomes, strict=True)
    ]


async def _count(asker: Asker, rows: Sequence[Row], judge: Llm) -> list[Stated]:
    outcomes = await asker.complete([specificity.request(judge, row.context) for row in rows], specificity.parse)
    return [_stated(row, outcome) for row, outcome in zip(rows, outcomes, strict=True)]


def _stated(row: Row, outcome: Outcome) -> Stated:
    if outcome.text is None:
        return Stated(row.id, None, outcome.said, outcome.failure or "")
    facts = specificity.count(row.context, specificity.parse(outcome.text))
    return Stated(row.id, facts, outcome.text, "")
