"""A run that was killed ends in the bytes of one that was not."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.llm import Llm
from schemas.training import GrpoJob, Kl
from tests.training.grpo.runs import BY_WORDS, WHOLE, MakeJob, completions_of, published
from training import grpo
from training.judging import SideLoop

SIX: dict[str, Any] = {
    "steps": 6,
    "save_every": 3,
    "iterations": 2,
    "micro_batch": 4,
    "zero_variance": "resample",
    "resample_at_most": 1,
    "kl": Kl(target=0.02),
    "judge": Llm(provider="offline", model="rules-1"),
    "mask_truncated": False,
}
"""A checkpoint in the middle of completions that serve two updates, in passes, with a steered weight."""


def test_killed_run_goes_on_to_the_same_bytes(
    whole: GrpoJob, job: MakeJob, loop: SideLoop, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = job("killed", **WHOLE)
    shutil.copytree(whole.work, killed.work)
    for late in [*Path(killed.work).glob("checkpoint-3"), *Path(killed.work).glob("completions/0000003-*")]:
        shutil.rmtree(late) if late.is_dir() else late.unlink()
    grpo.train(killed, BY_WORDS, loop)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step ")]
    assert len(lines) == 1 and lines[0].startswith("step 3/3 reward=") and "kl=" in lines[0]
    assert published(killed) == published(whole)


def test_checkpoint_between_two_updates_of_one_generation_keeps_its_completions(job: MakeJob, loop: SideLoop) -> None:
    changes = {"steps": 4, "iterations": 2, "save_every": 3, "micro_batch": 4, "loss": "gspo", "kl": Kl(target=0.02)}
    done, killed = job("done", **changes), job("killed", **changes)
    grpo.train(done, BY_WORDS, loop)
    assert (Path(done.work) / "checkpoint-3" / "rollouts-0000.pt").exists()
    shutil.copytree(Path(done.work) / "checkpoint-3", Path(killed.work) / "checkpoint-3")
    shutil.copytree(Path(done.work) / "completions", Path(killed.work) / "completions")
    grpo.train(killed, BY_WORDS, loop)
    assert published(killed) == published(done)


@pytest.mark.slow
def test_resume_after_kill_equals_uninterrupted(settings: MakeJob, tmp_path: Path) -> None:
    done, killed = settings(tmp_path / "done", **SIX), settings(tmp_path / "killed", **SIX)
    assert _run(done) == 0
    assert _run(killed, 5) == -signal.SIGKILL
    assert not (Path(killed.out) / "model").exists() and (Path(killed.work) / "checkpoint-3" / "whole").exists()
    assert _run(killed) == 0
    assert published(killed) == published(done)


@pytest.mark.slow
def test_two_ranks_go_on_after_a_kill_as_if_nothing_had_been(settings: MakeJob, tmp_path: Path) -> None:
    """With groups drawn again on one rank and not on the other, both ranks stay together."""
    changes = {**SIX, "world_size": 2, "steps": 4, "rewards": settings(tmp_path).params.rewards[2:]}
    done, killed = settings(tmp_path / "done", **changes), settings(tmp_path / "killed", **changes)
    assert _run(done) == 0
    assert {row["stand_in"] for row in completions_of(done)} == {0, 1}
    assert _run(killed, 4) != 0
    assert not (Path(killed.out) / "model").exists() and (Path(killed.work) / "checkpoint-3" / "whole").exists()
    assert _run(killed) == 0
    assert published(killed) == published(done)


def _run(job: GrpoJob, kill_at: int = 0) -> int:
    """Exit code of a process that trains, or is killed."""
    Path(job.work).mkdir(parents=True, exist_ok=True)
    file = Path(job.work) / "job.json"
    file.write_text(job.model_dump_json())
    launcher = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"] if job.params.world_size > 1 else []
    )
    command = [sys.executable, *launcher, "-m", "tests.training.grpo.resumed", str(file), str(kill_at)]
    root = Path(__file__).parents[3]
    return subprocess.run(command, cwd=root, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300).returncode


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
def test_ranks_that_share_weights_out_draw_groups_again_together(settings: MakeJob, tmp_path: Path) -> None:
    changes = {**SIX, "world_size": 2, "steps": 2, "zero": 3, "rewards": settings(tmp_path).params.rewards[2:]}
    task = settings(tmp_path / "shared", **changes)
    assert _run(task) == 0
    assert {row["stand_in"] for row in completions_of(task)} == {0, 1}
