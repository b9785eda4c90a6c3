"""The tiny random Qwen2.5-Omni thinker, with a tokenizer learnt from the texts it will read and write."""

from collections.abc import Mapping

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.draft import Draft
from storage.store import Store
from tasks.stage import stage
from tasks.subprocesses import run_module
from training.tiny_params import TinyJob, TinyParams


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="checkpoint")
def make_model(draft: Draft, params: TinyParams, examples: Mapping[str, Artifact], runtime: Runtime) -> None:
    store = Store(runtime.store)
    folders = tuple(str(store.folder(artifact)) for _, artifact in sorted(examples.items()))
    run_module(
        "training.tiny", TinyJob(params=params, examples=folders, out=str(draft.folder / "model")), draft, runtime
    )
