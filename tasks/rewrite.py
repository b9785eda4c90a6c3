"""Rewrite examples into context, reasoning and answer, and refuse what breaks the rules.

The rules (`tasks/rewriting/reasons.py`) are checked by code, whoever wrote the text. A reply that breaks one is shown
to its writer once more with what was found; a second fault leaves the row out. A provider's refusal is not argued with.
"""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.prompts import rewrite as prompt
from llm.request import Outcome
from schemas.artifact import Artifact
from schemas.completion import parse
from schemas.example import Example, Provenance, Reject
from schemas.llm import Llm
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.draft import Draft
from storage.parquet import read_rejects
from storage.store import Store
from tasks.limits import check_reject_share
from tasks.marks import Shard
from tasks.rewriting import overlap
from tasks.rewriting.reasons import MENDABLE, REASONS, Fault
from tasks.rewriting.verdict import context_of, think_of, verdict
from tasks.shards import Asker, AskingParams, map_shards, start_over
from tasks.stage import stage

PROMPT = f"{prompt.NAME}@{prompt.VERSION}"
REPAIRED = f"{PROMPT} repair"
"""The provenance of a row whose first reply broke a rule."""


class RewriteParams(AskingParams):
    """max_reject_share: stop when more rows than this are refused."""

    max_reject_share: float


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"3 prompt {prompt.VERSION}", kind="examples", reads_media=True)
def rewrite(draft: Draft, params: RewriteParams, examples: Artifact, runtime: Runtime) -> None:
    map_shards(draft, params, Store(runtime.store).folder(examples), rewrite_shard, runtime)
    first = next((f"{reject.id}, {reject.detail}" for reject in read_rejects(draft.folder)), "")
    try:
        check_reject_share(draft, params.max_reject_share, "rewriting", first)
    except UserError:
        start_over(draft, params, runtime)
        raise


async def rewrite_shard(asker: Asker, rows: Sequence[Example], params: RewriteParams) -> Shard:
    return Shard.of(await _rewritten(asker, rows, params.llm))


async def _rewritten(asker: Asker, rows: Sequence[Example], llm: Llm) -> list[Example | Reject]:
    """What becomes of each row: everyone is asked once, and those with a fault that can be mended once more."""
    outcomes = await asker.complete([prompt.request(row, llm) for row in rows])
    results: list[Example | Reject | Fault] = [accepted(*pair, llm) for pair in zip(rows, outcomes, strict=True)]
    faults = {at: fault for at, fault in enumerate(results) if isinstance(fault, Fault) and fault.reason in MENDABLE}
    repairs = await asker.complete([prompt.request(rows[at], llm, _repair(fault)) for at, fault in faults.items()])
    for (at, fault), outcome in zip(faults.items(), repairs, strict=True):
        results[at] = accepted(rows[at], outcome, llm, fault)
    return [_reject(row, end) if isinstance(end, Fault) else end for row, end in zip(rows, results, strict=True)]


def accepted(example: Example, outcome: Outcome, llm: Llm, mended: Fault | None = None) -> Example | Fault:
    """The example with its new context and reasoning, or what is wrong with the reply.

    mended: the fault of an earlier reply, where this one was asked for to mend it.
    """
    if fault := verdict(outcome, example):
        return fault._replace(detail=f"{fault.detail}; asked again after {mended.reason}") if mended else fault
    completion = parse(outcome.text or "")
    context = context_of(completion)
    score = overlap.emotion_overlap(example, context)
    return example.model_copy(
        update={
            "context": context,
            "think": think_of(completion),
            "ratings": (*(one for one in example.ratings if one.name != overlap.NAME), *([score] if score else [])),
            "provenance": _provenance(example, llm, REPAIRED if mended else PROMPT, outcome.request_id),
        }
    )


def _provenance(example: Example, llm: Llm, written_by: str, request_id: str) -> tuple[Provenance, ...]:
    written = ("context", "think")
    kept = (one for one in example.provenance if one.field not in written)
    source = {"provider": llm.provider, "model": llm.model, "prompt": written_by, "request": request_id}
    return (*kept, *(Provenance(field=field, **source) for field in written))


def _repair(fault: Fault) -> prompt.Repair:
    return prompt.Repair(earlier=fault.reply, rule=REASONS[fault.reason], seen=fault.detail)


def _reject(example: Example, fault: Fault) -> Reject:
    return Reject.of(example, fault.reason, fault.detail, fault.reply)
