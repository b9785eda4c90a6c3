"""Completions of a checkpoint by a process of its own: what `predict` and `solve_rate` share."""

from collections.abc import Mapping

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.training import GenerateJob, GenerateParams
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import count_rows, shards
from storage.store import Store
from tasks.subprocesses import run_module
from tasks.training_rows import write_split


class PredictParams(Params):
    """generate: how. split: of the examples, empty for all. prompts: at most so many examples."""

    generate: GenerateParams
    split: str = ""
    prompts: int | None = None


def generate(
    draft: Draft,
    params: PredictParams,
    examples: Mapping[str, Artifact],
    checkpoint: Artifact,
    runtime: Runtime,
) -> None:
    """Fill the draft with predictions, one row a completion."""
    store = Store(runtime.store)
    chosen = [artifact for _, artifact in sorted(examples.items())]
    job = GenerateJob(
        params=params.generate,
        examples=str(write_split(draft, store, chosen, params.split, params.prompts)),
        blobs=str(store.blobs),
        checkpoint=str(store.folder(checkpoint) / "model"),
        out=str(draft.folder),
        work=str(draft.work),
        media_cache=str(store.media),
        threads=runtime.threads,
        workers=runtime.decoders,
    )
    run_module("training.generate", job, draft, runtime)
    draft.entered = draft.left = sum(count_rows(shard)[0] for shard in shards(draft.folder, "predictions"))
