"""Group-relative policy optimisation, in a process of its own."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact, Usage
from schemas.runtime import Runtime
from schemas.training import GrpoJob, GrpoParams, RolloutPlace
from storage.draft import Draft
from storage.store import Store
from tasks.asking import one_by_one, response_log
from tasks.stage import stage
from tasks.subprocesses import run_module
from tasks.training_rows import write_split
from training.prompts import PROMPT_VERSION
from training.rewards.judged import JUDGING
from training.step_times import mean_seconds, timings


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"2 prompts {PROMPT_VERSION}, {JUDGING}", kind="checkpoint", reads_media=True)
def grpo(
    draft: Draft,
    params: GrpoParams,
    examples: Artifact,
    checkpoint: Artifact,
    held_out: Mapping[str, Artifact],
    runtime: Runtime,
) -> None:
    store = Store(runtime.store)
    with response_log(runtime, params.judge) as log:
        job = GrpoJob(
            params=params,
            examples=str(write_split(draft, store, [examples], "train")),
            blobs=str(store.blobs),
            checkpoint=str(store.folder(checkpoint) / "model"),
            out=str(draft.folder),
            work=str(draft.work),
            media_cache=str(store.media),
            workers=runtime.decoders,
            responses=str(log),
            threads=runtime.threads,
            llm=one_by_one(runtime.llm),
            held_out=_held_out(draft, params, store, examples, held_out),
            place=RolloutPlace(
                folder=runtime.vllm_folder,
                memory=runtime.vllm_memory,
                url=runtime.vllm_url,
                port=runtime.vllm_port,
            ),
            trackers=runtime.trackers,
            logs=str(_logs(draft, store)),
            judge_deadline=runtime.judge_deadline,
            collective_timeout=runtime.collective_timeout,
        )
        run_module("training.grpo", job, draft, runtime, params.world_size)
    draft.usage = sum((_usage(path) for path in sorted(draft.work.glob("usage-*.json"))), Usage())
    _keep_times(draft, _logs(draft, store))


def _held_out(
    draft: Draft, params: GrpoParams, store: Store, examples: Artifact, benchmarks: Mapping[str, Artifact]
) -> str | None:
    """What a model is evaluated on while it learns: a benchmark, or rows of its data that no model learns from."""
    if not params.evaluate_every:
        return None
    if benchmarks:
        return str(write_split(draft, store, benchmarks.values(), "", name="held-out"))
    return str(write_split(draft, store, [examples], "validation", name="held-out"))


def _logs(draft: Draft, store: Store) -> Path:
    """Where a run leaves what is no part of the artifact, because equal runs leave it unequal."""
    return store.logs / draft.folder.parent.name / draft.folder.name


def _keep_times(draft: Draft, logs: Path) -> None:
    """The table of times beside the log, and its means in the manifest's notes."""
    table = timings(draft.work)
    logs.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, logs / "timings.parquet")
    draft.notes["mean_seconds_a_step"] = mean_seconds(table)


def _usage(rank: Path) -> Usage:
    """What the judge cost one rank, in the run that ended well; answers of runs before it came from the log."""
    return Usage.model_validate_json(rank.read_text())
