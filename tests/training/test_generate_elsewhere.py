"""Completions written by workers of a cluster are those of one process."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.artifact import Artifact
from schemas.example import Example
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import shard_name, write_examples
from storage.store import Store
from tasks.generation import PredictParams
from tasks.predict import predict
from tasks.stage import stage
from tests.stages import made
from tests.tasks.clusters import dask
from tests.training.test_generate import SAMPLED


class Folder(Params):
    """place: of a model."""

    place: str


@stage(version="1", kind="checkpoint")
def placed(draft: Draft, params: Folder, runtime: Runtime) -> None:
    (draft.folder / "model").symlink_to(params.place)


@pytest.mark.slow
def test_shards_written_on_dask_are_those_of_one_process(
    tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    with dask(tmp_path) as cluster:
        here, there = (
            _predicted(tmp_path / name, executor, tiny, blobs, asked)
            for name, executor in (("here", "local"), ("there", cluster.executor))
        )
    assert here == there and len(here) > 1


class Given(Params):
    names: tuple[str, ...]


def _predicted(store: Path, executor: str, tiny: Path, blobs: Path, asked: dict[str, Example]) -> dict[str, bytes]:
    """Every shard of predictions, by its name."""
    runtime = Runtime(store=str(store), executor=executor)
    Store(store).blobs.parent.mkdir(exist_ok=True)
    Store(store).blobs.symlink_to(blobs)

    @stage(version="1", kind="examples")
    def given(draft: Draft, params: Given, runtime: Runtime) -> None:
        rows = [asked[name].model_copy(update={"split": "validation"}) for name in params.names]
        draft.entered = draft.left = write_examples(draft.folder / shard_name("examples", 0), rows)

    examples: Artifact = made(given(Given(names=tuple(asked)), runtime))
    checkpoint: Artifact = made(placed(Folder(place=str(tiny)), runtime))
    found = made(predict.fn(PredictParams(generate=SAMPLED), {"made": examples}, checkpoint, runtime))
    files = sorted(Store(store).folder(found).glob("*.parquet"))
    assert sum(pq.read_metadata(file).num_rows for file in files) == 3 * len(asked)
    return {file.name: file.read_bytes() for file in files}
