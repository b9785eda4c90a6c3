"""`predict` around its processes: what they were asked for is what must come back."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.tables import PREDICTIONS
from schemas.training import Decoding, GenerateJob, GenerateParams, MediaSettings
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import shard_name, write_rows
from storage.store import Store
from tasks.generation import PredictParams
from tasks.predict import predict
from tasks.stage import stage
from tests.stages import example, made, rows_of

DIRECT = GenerateParams(format="direct", media=MediaSettings(), decoding=Decoding(max_new_tokens=4, draws=2))
OTHER = DIRECT.model_copy(update={"decoding": Decoding(max_new_tokens=4)})


class Nothing(Params):
    """Of a checkpoint that nobody loads."""


@stage(version="1", kind="checkpoint")
def empty(draft: Draft, params: Nothing, runtime: Runtime) -> None:
    (draft.folder / "model").mkdir()
    (draft.folder / "model" / "weights").write_text("none")


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"), generators=2)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[GenerateJob]]:
    """Have the processes write so many rows, whatever they are asked; gives the jobs that they get."""
    seen: list[GenerateJob] = []

    def write(rows: int) -> list[GenerateJob]:
        def pretend(module: str, jobs: Sequence[GenerateJob], draft: Draft, runtime: Runtime) -> None:
            seen.extend(jobs)
            row = {"id": "1", "draw": 0, "prompt": "", "text": "", "tokens": 0, "truncated": False}
            write_rows(draft.folder / shard_name("predictions", 0), [row] * rows, PREDICTIONS)

        monkeypatch.setattr("tasks.generation.run_copies", pretend)
        return seen

    return write


def predicted(runtime: Runtime, params: PredictParams) -> Artifact:
    examples = {
        "one": rows_of(runtime, *(example(f"{n}", split="train" if n else "test") for n in range(3))),
        "two": rows_of(runtime, *(example(f"two {n}", split="train") for n in range(2))),
    }
    return made(predict.fn(params, examples, made(empty(Nothing(), runtime)), runtime))


def test_completions_of_all_draws_are_published(runtime: Runtime, written: Callable[[int], object]) -> None:
    written(10)
    assert Store(runtime.store).manifest(predicted(runtime, PredictParams(generate=DIRECT))).rows.left == 10


@pytest.mark.parametrize("rows", [0, 8, 12])
def test_shards_that_nobody_wrote_stop_the_stage(rows: int, runtime: Runtime, written: Callable[[int], object]) -> None:
    written(rows)
    with pytest.raises(RuntimeError, match=f"rows do not balance in predict: 10 in, {rows} out"):
        predicted(runtime, PredictParams(generate=DIRECT))


@pytest.mark.parametrize(
    ("params", "parts", "rows"),
    [
        (PredictParams(generate=DIRECT), [{"one": 3, "two": 2}], 10),
        (PredictParams(generate=DIRECT, split="train"), [{"one": 2, "two": 2}], 8),
        (PredictParams(generate=DIRECT, prompts=4), [{"one": 3, "two": 1}], 8),
        (PredictParams(generate=DIRECT, split="train", prompts=1), [{"one": 1, "two": 0}], 2),
        (PredictParams(generate=DIRECT, differently={"two": OTHER}, prompts=2), [{"one": 2}, {"two": 2}], 6),
    ],
)
def test_processes_are_told_how_many_rows_each_benchmark_has(
    params: PredictParams,
    parts: list[dict[str, int]],
    rows: int,
    runtime: Runtime,
    written: Callable[[int], list[GenerateJob]],
) -> None:
    jobs = written(rows)
    predicted(runtime, params)
    assert [job.rank for job in jobs] == [0, 1]
    assert [part.parts for part in jobs[0].questions] == parts
