"""Fine-tuning: it learns, it repeats itself byte for byte, and being killed changes nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.example import Example, to_table
from schemas.training import Optimizer, SftJob, SftParams
from schemas.values import UserError
from tests.training.conftest import SMALL
from training.sft import METRICS, main, order, trainer_arguments

PARAMS = SftParams(
    format="context_first",
    steps=6,
    batch_size=4,
    optimizer=Optimizer(lr=3e-3, warmup_steps=1),
    media=SMALL,
    save_every=2,
)


def make_job(folder: Path, tiny: Path, blobs: Path, asked: dict[str, Example], **changes: object) -> SftJob:
    folder.mkdir(exist_ok=True)
    rows = to_table(list(asked.values()))
    pq.write_table(rows, folder / "examples.parquet")
    return SftJob(
        examples=str(folder / "examples.parquet"),
        blobs=str(blobs),
        checkpoint=str(tiny),
        out=str(folder / "out"),
        work=str(folder / "work"),
        params=PARAMS.model_copy(update=changes),
    )


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny: Path, blobs: Path, asked: dict[str, Example]) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    main(make_job(folder, tiny, blobs, asked))
    return folder / "out"


def test_the_loss_falls_and_is_recorded_step_by_step(whole: Path) -> None:
    table = pq.read_table(whole / "metrics.parquet")
    assert table.schema.equals(METRICS)
    losses = [row["value"] for row in table.to_pylist() if row["name"] == "loss"]
    assert len(losses) == PARAMS.steps
    assert losses[-1] < 0.8 * losses[0]


def test_the_model_folder_holds_no_training_state(whole: Path) -> None:
    names = {path.name for path in (whole / "model").iterdir()}
    assert {"model.safetensors", "config.json", "processor_config.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".pt", ".pth", ".bin"))]


def test_going_on_from_a_checkpoint_ends_in_the_same_bytes(
    whole: Path, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked)
    main(job)
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            path.unlink()
    # As a kill during the last save leaves it: the files are there, the mark is not.
    (tmp_path / "work" / "checkpoint-6" / "whole").unlink()
    (tmp_path / "work" / "checkpoint-6" / "trainer_state.json").write_text("{")
    main(job)
    assert files(tmp_path / "out") == files(whole)


def test_every_example_is_seen_once_before_any_is_seen_twice() -> None:
    rows = order(5, 12, seed=3)
    assert sorted(rows[:5]) == sorted(rows[5:10]) == [0, 1, 2, 3, 4]
    assert len(rows) == 12
    assert rows != order(5, 12, seed=4)


def test_a_batch_that_does_not_divide_over_the_ranks_is_the_users_mistake(
    tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    with pytest.raises(UserError, match="batch_size 4"):
        trainer_arguments(make_job(tmp_path, tiny, blobs, asked, world_size=3))


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_in_the_same_bytes(
    whole: Path, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    job_file = tmp_path / "job.json"
    job_file.write_text(make_job(tmp_path / "run", tiny, blobs, asked).model_dump_json())
    for killed_at in ("step 3/", "step 5/", None):
        _train(job_file, killed_at)
    assert files(tmp_path / "run" / "out") == files(whole)


def _train(job_file: Path, killed_at: str | None) -> None:
    """Train in a process of its own, killed as soon as it prints `killed_at`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "training.sft", str(job_file)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout
    for line in process.stdout:
        if killed_at and line.startswith(killed_at):
            process.send_signal(signal.SIGKILL)
    assert process.wait() == (-signal.SIGKILL if killed_at else 0)
