"""Completions of a checkpoint on some examples, resumable shard by shard."""

from collections.abc import Mapping

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.draft import Draft
from tasks.generation import PredictParams, generate
from tasks.stage import stage
from training.prompts import PROMPT_VERSION


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"3 prompt {PROMPT_VERSION}", kind="predictions", reads_media=True)
def predict(
    draft: Draft,
    params: PredictParams,
    examples: Mapping[str, Artifact],
    checkpoint: Artifact,
    runtime: Runtime,
) -> None:
    generate(draft, params, examples, checkpoint, runtime)
