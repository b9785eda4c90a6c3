"""What a rank of a run has to remember beside weights, optimizer and generators, kept in each training checkpoint.

Completions serve several updates, so a checkpoint may fall between two of them; the KL weight may be steered, and the
judge's failures are counted. Media are not kept: their rows are, and the tensors are made again.
"""

from pathlib import Path
from typing import Any, TypedDict

import torch

from training.judging import SilenceState
from training.kl import KlState


class RankState(TypedDict):
    """passes: forward and backward passes so far. batches: completions that updates to come learn from, with their
    old and reference log-probabilities and advantages; empty where the next update draws new ones.
    """

    passes: int
    batches: list[dict[str, Any]]
    kl: KlState
    silence: SilenceState


def write_state(state: RankState, checkpoint: Path, rank: int) -> None:
    """Beside a checkpoint's other files; it becomes whole later, when all ranks have written."""
    checkpoint.mkdir(parents=True, exist_ok=True)
    torch.save(state, _place(checkpoint, rank))


def read_state(checkpoint: Path, rank: int) -> RankState:
    return torch.load(_place(checkpoint, rank), map_location="cpu", weights_only=True)


def _place(checkpoint: Path, rank: int) -> Path:
    return checkpoint / f"rollouts-{rank:04d}.pt"
