"""Completions of a checkpoint by processes of their own: what `predict` and `solve_rate` share.

Benchmarks may be answered in different ways by one model. Those that are answered alike share their shards, in the
order of their names.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.training import GenerateJob, GenerateParams, Questions
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import count_rows, read_batches, read_rows, shards
from storage.store import Store
from tasks.executors import crew, is_cluster, run_lanes
from tasks.subprocesses import run_copies
from tasks.training_rows import write_split
from training.views import NO_OTHER, NO_SUBTITLES


class PredictParams(Params):
    """generate: how; `differently` by the name of the examples. split: of the examples, empty for all. prompts: at most
    so many examples, of those that are answered alike.
    """

    generate: GenerateParams
    differently: dict[str, GenerateParams] = {}
    split: str = ""
    prompts: int | None = None


def generate(
    draft: Draft,
    params: PredictParams,
    examples: Mapping[str, Artifact],
    checkpoint: Artifact,
    runtime: Runtime,
) -> None:
    """Fill the draft with predictions, one row a completion: as many as there are examples and draws of each."""
    store = Store(runtime.store)
    questions = list(_questions(draft, store, params, examples))
    first, *also = questions
    job = GenerateJob(
        params=first.params,
        examples=first.examples,
        parts=first.parts,
        also=tuple(also),
        blobs=str(store.blobs),
        checkpoint=str(store.folder(checkpoint) / "model"),
        out=str(draft.folder),
        work=str(draft.work),
        media_cache=str(store.media),
        threads=runtime.threads,
        workers=max(1, runtime.decoders // runtime.generators),
    )
    if is_cluster(runtime):
        with crew(runtime) as by:
            run_lanes("training.generate", _copies(job, by.lanes), by, draft, runtime)
    else:
        run_copies("training.generate", _copies(job, runtime.generators), draft, runtime)
    draft.entered = sum(sum(part.parts.values()) * part.params.decoding.draws for part in questions)
    draft.left = sum(count_rows(shard)[0] for shard in shards(draft.folder, "predictions"))
    draft.notes |= load_errors(draft)


def _copies(job: GenerateJob, number: int) -> list[GenerateJob]:
    return [job.model_copy(update={"rank": rank}) for rank in range(number)]


def load_errors(draft: Draft) -> dict[str, int]:
    """How many predictions could not be made as asked, and of these for want of subtitles or of another video."""
    found = {"load_errors": 0, "without_subtitles": 0, "without_other_media": 0}
    for batch in read_batches(draft.folder, "predictions", ["load_error"]):
        errors = [error for error in batch["load_error"].to_pylist() if error is not None]
        found["load_errors"] += len(errors)
        found["without_subtitles"] += errors.count(NO_SUBTITLES)
        found["without_other_media"] += errors.count(NO_OTHER)
    return {name: number for name, number in found.items() if number}


def _questions(
    draft: Draft, store: Store, params: PredictParams, examples: Mapping[str, Artifact]
) -> Iterator[Questions]:
    """The examples in the order of their names, those side by side that are answered alike together."""
    ways = [(name, params.differently.get(name, params.generate)) for name in sorted(examples)]
    for number, (how, alike) in enumerate(groupby(ways, key=lambda pair: pair[1])):
        artifacts = {name: examples[name] for name, _ in alike}
        rows = write_split(draft, store, artifacts.values(), params.split, params.prompts, f"examples{number or ''}")
        yield Questions(params=how, examples=str(rows), parts=_parts(store, params, artifacts))


def _parts(store: Store, params: PredictParams, artifacts: Mapping[str, Artifact]) -> dict[str, int]:
    """How many examples are taken of each, in their order."""
    parts: dict[str, int] = {}
    for name, artifact in artifacts.items():
        rows = read_rows(store.folder(artifact), "examples", ["split"])
        number = sum(not params.split or row["split"] == params.split for row in rows)
        parts[name] = number if params.prompts is None else min(number, params.prompts - sum(parts.values()))
    return parts
