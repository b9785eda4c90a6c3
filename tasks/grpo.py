"""Group-relative policy optimisation, in a process of its own."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact, Usage
from schemas.runtime import Runtime
from schemas.training import GrpoJob, GrpoParams
from storage.draft import Draft
from storage.store import Store
from tasks.asking import response_log
from tasks.stage import stage
from tasks.subprocesses import run_module
from tasks.training_rows import write_split
from training.prompts import PROMPT_VERSION
from training.rewards.judged import JUDGING


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"1 prompts {PROMPT_VERSION}, {JUDGING}", kind="checkpoint")
def grpo(draft: Draft, params: GrpoParams, examples: Artifact, checkpoint: Artifact, runtime: Runtime) -> None:
    store = Store(runtime.store)
    with response_log(runtime, params.judge) as log:
        job = GrpoJob(
            params=params,
            examples=str(write_split(draft, store, [examples], "train")),
            blobs=str(store.blobs),
            checkpoint=str(store.folder(checkpoint) / "model"),
            out=str(draft.folder),
            work=str(draft.work),
            responses=str(log),
            threads=runtime.threads,
            llm=runtime.llm,
        )
        run_module("training.grpo", job, draft, runtime, params.world_size)
    draft.usage = sum((_usage(path) for path in sorted(draft.work.glob("usage-*.json"))), Usage())


def _usage(rank: Path) -> Usage:
    """What the judge cost one rank, in the run that ended well; answers of runs before it came from the log."""
    return Usage.model_validate_json(rank.read_text())
