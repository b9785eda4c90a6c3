"""Rate rewritten examples on four dimensions and sort them into categories. Thresholds and balance live in `curate`.

A reply that is no rating is shown to the model once more with the fault; a second such reply leaves the row out.
"""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.prompts import rate as prompt
from llm.request import Outcome
from schemas.artifact import Artifact
from schemas.example import Example, Provenance, Reject
from schemas.llm import Llm
from schemas.runtime import Runtime
from storage.draft import Draft
from storage.store import Store
from tasks.marks import Shard
from tasks.shards import Asker, AskingParams, map_shards
from tasks.stage import stage

PROMPT = f"{prompt.NAME}@{prompt.VERSION}"
REPAIRED = f"{PROMPT} repair"
"""The provenance of a row whose first reply was no rating."""


class RateParams(AskingParams):
    """llm: who rates."""


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"2 prompt {prompt.VERSION}", kind="examples", reads_media=True)
def rate(draft: Draft, params: RateParams, examples: Artifact, runtime: Runtime) -> None:
    map_shards(draft, params, Store(runtime.store).folder(examples), rate_shard, runtime)


async def rate_shard(asker: Asker, rows: Sequence[Example], params: RateParams) -> Shard:
    return Shard.of(await _rated(asker, rows, params.llm))


async def _rated(asker: Asker, rows: Sequence[Example], llm: Llm) -> list[Example | Reject]:
    """What becomes of each row: everyone is asked once, and those whose reply is no rating once more."""
    outcomes = await asker.complete([prompt.request(row, llm) for row in rows], prompt.parse)
    unread = {at: outcome for at, outcome in enumerate(outcomes) if outcome.failure == "unparsable"}
    repairs = [prompt.request(rows[at], llm, one.said, one.detail) for at, one in unread.items()]
    mended = dict(zip(unread, await asker.complete(repairs, prompt.parse), strict=True))
    return [
        rated(row, mended[at], llm, REPAIRED) if at in mended else rated(row, outcome, llm)
        for at, (row, outcome) in enumerate(zip(rows, outcomes, strict=True))
    ]


def rated(example: Example, outcome: Outcome, llm: Llm, rated_by: str = PROMPT) -> Example | Reject:
    """The example with its ratings and category, or the reason why not: an unreadable rating is never a score."""
    if outcome.text is None:
        reason = "not_rated" if outcome.failure == "unparsable" else f"llm_{outcome.failure}"
        return Reject.of(example, reason, outcome.detail, outcome.said)
    verdict = prompt.parse(outcome.text)
    source = {"provider": llm.provider, "model": llm.model, "prompt": rated_by, "request": outcome.request_id}
    return example.model_copy(
        update={
            "ratings": (*(one for one in example.ratings if one.name not in prompt.DIMENSIONS), *verdict.ratings),
            "categories": example.categories | {"rated_category": verdict.category},
            "provenance": (
                *(one for one in example.provenance if one.field != "ratings"),
                Provenance(field="ratings", **source),
            ),
        }
    )
