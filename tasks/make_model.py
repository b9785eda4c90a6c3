"""The tiny random Qwen2.5-Omni thinker, with a tokenizer learnt from the texts it will read and write."""

from collections.abc import Mapping

from prefect import task

from schemas.artifact import Artifact
from schemas.values import Runtime
from storage.draft import Draft
from storage.store import Store
from tasks.stage import STAGE, stage
from tasks.subprocesses import run_module
from training.tiny_params import TinyJob, TinyParams


@task(**STAGE)
@stage(version="1", kind="checkpoint")
def make_model(draft: Draft, params: TinyParams, examples: Mapping[str, Artifact], runtime: Runtime) -> None:
    store = Store(runtime.store)
    folders = [str(store.folder(artifact)) for _, artifact in sorted(examples.items())]
    run_module(
        "training.tiny", TinyJob(params=params, examples=folders, out=str(draft.folder / "model")), draft, runtime
    )
