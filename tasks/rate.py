"""Rate rewritten examples on four dimensions and sort them into categories. Thresholds live in `curate`."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.engine import Engine
from llm.prompts import rate as prompt
from llm.request import Outcome
from schemas.artifact import Artifact
from schemas.example import Example, Provenance, Reject
from schemas.values import Params, Runtime
from storage.draft import Draft
from storage.parquet import read_examples
from storage.store import Store
from tasks.marks import Shard
from tasks.shards import map_shards, require_answers
from tasks.stage import stage


class RateParams(Params):
    """Who rates."""

    provider: str
    model: str
    rows_per_shard: int


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"1 prompt {prompt.VERSION}", kind="examples")
def rate(draft: Draft, params: RateParams, examples: Artifact, runtime: Runtime) -> None:
    rows = list(read_examples(Store(runtime.store).folder(examples)))

    async def work(engine: Engine, shard: Sequence[Example]) -> Shard:
        outcomes = await engine.complete([prompt.request(example, params.provider, params.model) for example in shard])
        require_answers(outcomes)
        done = [rated(example, outcome, params) for example, outcome in zip(shard, outcomes, strict=True)]
        return Shard.of(done)

    map_shards(draft, rows, params.rows_per_shard, work, runtime)


def rated(example: Example, outcome: Outcome, params: RateParams) -> Example | Reject:
    """The example with its ratings and category, or the reason why not: an unreadable rating is never a score."""
    try:
        ratings, category = prompt.parse(outcome)
    except ValueError as error:
        return Reject(
            id=example.id,
            source=example.source,
            source_row=example.source_row,
            reason="not_rated",
            detail=str(error),
            row=(outcome.text or "")[:2000],
        )
    made = Provenance(
        field="ratings",
        provider=params.provider,
        model=params.model,
        prompt=f"{prompt.NAME}@{prompt.VERSION}",
        request=outcome.request_id,
    )
    return example.model_copy(
        update={
            "ratings": ratings,
            "categories": example.categories | {"rated_category": category},
            "provenance": (*example.provenance, made),
        }
    )
