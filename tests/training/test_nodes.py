"""Training over several nodes: one torchrun a node, joined by a rendezvous, is training over as many ranks on one."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.example import Example
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.draft import Draft
from tasks.nodes import torchrun
from tasks.progress import Progress
from tasks.subprocesses import run_module
from tests.stages import one_line
from tests.training.test_sft import losses, make_job

LAUNCHER = f"{sys.executable} -m tests.training.two_nodes"


def test_two_nodes_train_what_two_ranks_of_one_train(
    tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    """Two agents on loopback with one rank each, over gloo."""
    changes: dict[str, Any] = {"micro_batch": 1, "steps": 3, "batch_size": 4, "save_every": 3, "world_size": 2}
    alone = make_job(tmp_path / "alone", tiny, blobs, asked, **changes)
    apart = make_job(tmp_path / "apart", tiny, blobs, asked, **changes)
    here = Runtime(store=str(tmp_path / "store"))
    there = here.model_copy(update={"nodes": 2, "rendezvous": f"127.0.0.1:{free_port()}", "launcher": LAUNCHER})
    run_module("training.sft", alone, draft(tmp_path / "one"), here, ranks=2)
    run_module("training.sft", apart, draft(tmp_path / "two"), there, ranks=2)
    model = Path("model", "model.safetensors")
    assert losses(tmp_path / "apart" / "out") == losses(tmp_path / "alone" / "out")
    assert (tmp_path / "apart" / "out" / model).read_bytes() == (tmp_path / "alone" / "out" / model).read_bytes()
    assert "--nnodes=2" in " ".join(torchrun(2, there))


def draft(folder: Path) -> Draft:
    return Draft(folder / "sft" / "0123", "", Progress("sft"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_ranks_that_do_not_divide_over_the_nodes_are_a_mistake() -> None:
    runtime = Runtime(store="s", nodes=3, rendezvous="first:29500", launcher="srun")
    with pytest.raises(UserError, match="world_size 8 does not divide over 3 nodes") as caught:
        torchrun(8, runtime)
    one_line(caught.value)


def test_several_nodes_without_a_launcher_are_a_mistake() -> None:
    with pytest.raises(UserError, match="needs CONTEXTFIRST_RENDEZVOUS") as caught:
        torchrun(8, Runtime(store="s", nodes=2))
    one_line(caught.value)
