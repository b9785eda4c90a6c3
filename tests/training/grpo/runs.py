"""Small runs of reinforcement learning: how they are asked, judged and read."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from llm.request import Request
from schemas.training import Gate, GrpoJob, RewardTerm
from tests.training.rewards.examples import JUDGE, replying
from training import grpo
from training.judging import SideLoop
from training.omni_grpo import OmniGRPOTrainer
from training.rewards.contract import Complete, Referee
from training.start import read_examples

MakeJob = Callable[..., GrpoJob]

MIXES = ("video", "short", "silent", "text")
TERMS = (
    RewardTerm(reward="format", weight=0.5),
    RewardTerm(reward="accuracy", weight=1.0, target="only(answer)"),
    RewardTerm(reward="context", weight=1.0, target="only(context)"),
)
WHOLE: dict[str, Any] = {
    "steps": 3,
    "save_every": 2,
    "gates": (Gate(reward="context", at_most=0.4, zeroes=("accuracy",)),),
}
"""Changes that make the run `whole`."""


def by_words(request: Request) -> str:
    """More of the reference's words, a better score."""
    wanted = set(request.fields["reference"].split())
    return json.dumps({"score": 5 * len(wanted & set(request.fields["candidate"].split())) / len(wanted)})


BY_WORDS = Referee(JUDGE, replying(by_words))


def trainer_of(job: GrpoJob, loop: SideLoop, complete: Complete | None = None) -> OmniGRPOTrainer:
    judge = Referee(JUDGE, complete or replying(by_words))
    return grpo.make_trainer(job, read_examples(Path(job.examples)), judge, loop)


def sampled(trainer: OmniGRPOTrainer, rows: Sequence[int] = (0, 1)) -> dict[str, Any]:
    """One generation of the given prompts, as the trainer buffers it."""
    size = trainer.params.completions_per_prompt
    return trainer._generate_and_score_completions([{"prompt": str(row)} for row in rows for _ in range(size)])


class Watched(OmniGRPOTrainer):
    """Keeps the log-probabilities that the loss was made from, with their gradient."""

    def _get_per_token_logps_and_entropies(self, *given: Any, **options: Any) -> Any:
        scored = super()._get_per_token_logps_and_entropies(*given, **options)
        if scored[0].requires_grad:
            scored[0].retain_grad()
            self.logps = scored[0]
        return scored


def token_gradient(trainer: OmniGRPOTrainer, batch: dict[str, Any]) -> torch.Tensor:
    """(N, T) gradient of the loss by the log-probability of each token."""
    trainer.__class__ = Watched
    trainer.current_gradient_accumulation_steps = 1
    trainer._compute_loss(trainer.model, batch).backward()
    trainer.model.zero_grad()
    assert isinstance(trainer, Watched) and trainer.logps.grad is not None
    return trainer.logps.grad


def metrics_of(job: GrpoJob) -> dict[tuple[int, str], float]:
    rows = pq.read_table(Path(job.out) / "metrics.parquet").to_pylist()
    return {(row["step"], row["name"]): row["value"] for row in rows}


def completions_of(job: GrpoJob) -> list[dict[str, Any]]:
    return pq.read_table(Path(job.out) / "completions.parquet").to_pylist()


def published(job: GrpoJob) -> dict[str, bytes]:
    """What a run leaves, by name."""
    names = ("model/model.safetensors", "metrics.parquet", "completions.parquet")
    return {name: (Path(job.out) / name).read_bytes() for name in names}
