"""Fine-tuning: it learns, it repeats itself byte for byte, and being killed changes nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from schemas.example import Example, to_table
from schemas.failures import USER_FAULT
from schemas.training import Optimizer, SftJob, SftParams, Tower
from schemas.values import UserError
from tests.training.conftest import SMALL
from training.checkpoint import load_model
from training.sft import METRICS, NAMES, main, trainer_arguments

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


def losses(out: Path) -> list[float]:
    return values(out, "loss")


def values(out: Path, name: str) -> list[float]:
    rows = pq.read_table(out / "metrics.parquet").to_pylist()
    return [row["value"] for row in rows if row["name"] == name]


def as_killed_in_its_last_save(folder: Path) -> None:
    """As a kill during the last save leaves it: the files are there, the mark is not."""
    for path in (folder / "out").rglob("*"):
        if path.is_file():
            path.unlink()
    (folder / "work" / "checkpoint-6" / "whole").unlink()
    (folder / "work" / "checkpoint-6" / "trainer_state.json").write_text("{")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny: Path, blobs: Path, asked: dict[str, Example]) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    main(make_job(folder, tiny, blobs, asked))
    return folder / "out"


def test_the_loss_falls_and_is_recorded_step_by_step(whole: Path) -> None:
    table = pq.read_table(whole / "metrics.parquet")
    assert table.schema.equals(METRICS)
    assert {row["name"] for row in table.to_pylist()} == set(NAMES)
    fallen = losses(whole)
    assert len(fallen) == PARAMS.steps
    assert fallen[-1] < 0.8 * fallen[0]


def test_the_model_folder_holds_no_training_state(whole: Path) -> None:
    names = {path.name for path in (whole / "model").iterdir()}
    assert {"model.safetensors", "config.json", "processor_config.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".pt", ".pth", ".bin"))]


def test_going_on_from_a_checkpoint_ends_in_the_same_bytes(
    whole: Path, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked)
    main(job)
    as_killed_in_its_last_save(tmp_path)
    main(job)
    assert files(tmp_path / "out") == files(whole)


@pytest.mark.parametrize("tower", ["vision", "audio"])
def test_a_frozen_tower_stays_as_it_was_to_the_bit_with_its_aligner_and_all_else_moves(
    tower: Tower, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    """The aligner is inside the tower: the vision tower's `merger`, the audio tower's `proj`."""
    main(make_job(tmp_path, tiny, blobs, asked, freeze=(tower,)))
    before, after = load_model(tiny).state_dict(), load_model(tmp_path / "out" / "model").state_dict()
    moved = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    frozen, free = ("model.visual.", "model.audio_tower.")[:: 1 if tower == "vision" else -1]
    assert not [name for name in moved if name.startswith(frozen)]
    aligners = {
        "model.visual.": "model.visual.merger.mlp.0.weight",
        "model.audio_tower.": "model.audio_tower.proj.weight",
    }
    assert aligners[frozen] in after
    assert aligners[free] in moved
    assert [name for name in moved if name.startswith("model.language_model.")]


def test_computing_activations_again_gives_the_same_bytes(
    whole: Path, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    main(make_job(tmp_path, tiny, blobs, asked, gradient_checkpointing=True))
    assert files(tmp_path / "out") == files(whole)


def test_batches_of_similar_length_hold_less_padding_which_is_recorded(
    tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    """Whole epochs, so that both runs see the same examples."""
    few = {name: asked[name] for name in ("text", "picture", "sound", "video", "silent", "short")}
    shares = []
    for bucket in (2, 3):
        main(make_job(tmp_path / str(bucket), tiny, blobs, few, batch_size=2, bucket=bucket))
        shares.append(sum(values(tmp_path / str(bucket) / "out", "padding")))
    assert 0 <= shares[1] < shares[0]


def test_what_cannot_be_learnt_is_said_before_training_begins(
    tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    ends_its_turn = asked["text"].model_copy(update={"think": "so it is red <|im_end|>"})
    with pytest.raises(UserError, match=r"text: .* special token <\|im_end\|>"):
        main(make_job(tmp_path, tiny, blobs, {"text": ends_its_turn}))
    with pytest.raises(UserError, match="rewrite it first"):
        main(make_job(tmp_path, tiny, blobs, {"text": asked["text"].model_copy(update={"context": " "})}))


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
    with subprocess.Popen(
        [sys.executable, "-m", "training.sft", str(job_file)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if killed_at and line.startswith(killed_at):
                process.send_signal(signal.SIGKILL)
    assert process.wait() == (-signal.SIGKILL if killed_at else 0)


def test_mistake_of_the_users_is_the_last_line_and_not_a_traceback(
    tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked, micro_batch=3)
    (tmp_path / "job.json").write_text(job.model_dump_json())
    words = [sys.executable, "-m", "training.sft", str(tmp_path / "job.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == USER_FAULT and "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "micro_batch 3 does not divide the 4 examples of a process"
