"""Rewrite examples into context, reasoning and answer, and refuse what breaks the rules.

The rules are checked by code, whoever wrote the text: the three blocks in order and not empty, the answer unchanged,
and no option named in the context.
"""

import re
from collections.abc import Iterable, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.engine import Engine
from llm.prompts import rewrite as prompt
from llm.request import Outcome
from schemas.artifact import Artifact
from schemas.completion import Completion, parse
from schemas.example import CHOICE_KINDS, Example, Option, Provenance, Reject
from schemas.options import given
from schemas.values import Params, Runtime, UserError
from storage.draft import Draft
from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tasks.limits import check_reject_share
from tasks.marks import Shard, forget
from tasks.shards import map_shards, require_answers
from tasks.stage import stage


class RewriteParams(Params):
    """Who rewrites. max_reject_share: stop when more rows than this are refused."""

    provider: str
    model: str
    rows_per_shard: int
    max_reject_share: float


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"1 prompt {prompt.VERSION}", kind="examples")
def rewrite(draft: Draft, params: RewriteParams, examples: Artifact, runtime: Runtime) -> None:
    rows = list(read_examples(Store(runtime.store).folder(examples)))

    async def work(engine: Engine, shard: Sequence[Example]) -> Shard:
        requests = [prompt.request(example, params.provider, params.model) for example in shard]
        outcomes = await engine.complete(requests)
        require_answers(outcomes)
        pairs = zip(shard, outcomes, strict=True)
        return Shard.of(rewritten(example, outcome, params) for example, outcome in pairs)

    map_shards(draft, rows, params.rows_per_shard, work, runtime)
    first = next((f"{reject.id}, {reject.detail}" for reject in read_rejects(draft.folder)), "")
    try:
        check_reject_share(draft, params.max_reject_share, "rewriting", first)
    except UserError:
        forget(draft)  # the next run asks again for what failed; what was answered is in the response log
        raise


def rewritten(example: Example, outcome: Outcome, params: RewriteParams) -> Example | Reject:
    """The example with its new context and reasoning, or the reason why not."""
    if outcome.text is None:
        return _reject(example, f"llm_{outcome.failure}", outcome.detail)
    completion = parse(outcome.text)
    if fault := _fault(example, completion):
        return _reject(example, *fault, text=outcome.text)
    made = tuple(
        Provenance(
            field=field,
            provider=params.provider,
            model=params.model,
            prompt=f"{prompt.NAME}@{prompt.VERSION}",
            request=outcome.request_id,
        )
        for field in ("context", "think")
    )
    kept = tuple(item for item in example.provenance if item.field not in ("context", "think"))
    return example.model_copy(
        update={
            "context": completion.body("context"),
            "think": completion.body("think"),
            "provenance": kept + made,
        }
    )


def _fault(example: Example, completion: Completion) -> tuple[str, str] | None:
    """The first broken rule as (reason, detail)."""
    if completion.errors:
        return "malformed", completion.errors[0]
    if given(example.answer_kind, completion.answer, example.options) != example.answer:
        return "answer_changed", f"{completion.answer!r} instead of {example.answer!r}"
    if example.answer_kind in CHOICE_KINDS and (found := names_option(completion.body("context"), example.options)):
        return "choice_given_away", f"the context says {found!r}"
    return None


def names_option(text: str, options: Iterable[Option]) -> str:
    """The first place where `text` names an option by its letter as a choice; empty if none.

    `option B`, `(B)`, `B.`, `B)`, `answer: B`, `answer is 'B'` name one; a plain capital, as in "A man" or
    "vitamin C", does not.
    """
    label = "(?:" + "|".join(re.escape(option.label) for option in options) + ")"
    found = re.search(
        rf"(?i:\b(?:option|choice|answer)(?:\s+is)?[\s:]\s*)[\"'(]?{label}\b(?![\w-]|['’]\w)"
        rf"|\({label}\)|(?:^|[.,;:!?]\s)\s*{label}\)|(?<![\w.]){label}\.(?=\s+[^\s<]|\s*$)",
        text,
    )
    return found[0].strip() if found else ""


def _reject(example: Example, reason: str, detail: str, text: str = "") -> Reject:
    return Reject(
        id=example.id,
        source=example.source,
        source_row=example.source_row,
        reason=reason,
        detail=detail,
        row=text[:2000],
    )
