"""Supervised fine-tuning, in a process of its own."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.training import SftJob, SftParams
from storage.draft import Draft
from storage.store import Store
from tasks.stage import stage
from tasks.subprocesses import run_module
from tasks.training_rows import write_split
from training.prompts import PROMPT_VERSION


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"1 prompt {PROMPT_VERSION}", kind="checkpoint", reads_media=True)
def sft(draft: Draft, params: SftParams, examples: Artifact, checkpoint: Artifact, runtime: Runtime) -> None:
    store = Store(runtime.store)
    job = SftJob(
        params=params,
        examples=str(write_split(draft, store, [examples], "train")),
        blobs=str(store.blobs),
        checkpoint=str(store.folder(checkpoint) / "model"),
        out=str(draft.folder),
        work=str(draft.work),
        media_cache=str(store.media),
        threads=runtime.threads,
        workers=runtime.decoders,
    )
    run_module("training.sft", job, draft, runtime, params.world_size)
