"""What reaches the gradient, and what must not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from llm.request import Request
from schemas.completion import BlockName, parse
from schemas.training import RewardTerm
from tests.training.grpo.runs import MakeJob, sampled, token_gradient, trainer_of
from tests.training.rewards.examples import replying
from training.judging import SideLoop
from training.omni_grpo import OmniGRPOTrainer, sequence_reference
from training.spans import block_tokens, token_text

TARGETS: dict[str, BlockName] = {"context": "context", "logic": "think"}


@pytest.mark.parametrize("loss", ["grpo", "dr_grpo", "dapo", "gspo"])
@pytest.mark.parametrize("reward", ["context", "logic"])
def test_context_score_alone_moves_only_its_span(reward: str, loss: str, job: MakeJob, loop: SideLoop) -> None:
    """And a logic score its own. With gspo the second of two updates is looked at, where its ratios are not 1."""
    block = TARGETS[reward]
    terms = (
        RewardTerm(reward="format", weight=0.5),
        RewardTerm(reward="context", weight=1.0, target="only(context)"),
        RewardTerm(reward="logic", weight=1.0, target="only(think)"),
    )
    batches, gradients = [], []
    for favoured in (0, 1):
        task = job(f"favour-{favoured}", rewards=terms, loss=loss, iterations=2 if loss == "gspo" else 1)
        trainer = trainer_of(task, loop, replying(alternating(reward, favoured)))
        batches.append(sampled(trainer))
        if loss == "gspo":
            _learn_a_little(trainer)
        gradients.append(token_gradient(trainer, batches[-1]))
    assert torch.equal(batches[0]["completion_ids"], batches[1]["completion_ids"])
    moved = gradients[0] != gradients[1]
    assert moved.any()
    for row, mask, changed in zip(batches[0]["completion_ids"], batches[0]["completion_mask"], moved, strict=True):
        text = token_text(trainer.encoder.processor.tokenizer, row[mask.bool()].tolist())
        own = block_tokens(text, parse(text.text)).get(block, range(0))
        assert not [place for place in changed.nonzero().flatten().tolist() if place not in own], text.text


def alternating(reward: str, favoured: int) -> Callable[[Request], str]:
    """A judge that likes every other one of the texts that `reward` asks about, and gives all others the same."""
    seen: dict[str, int] = {}

    def reply(request: Request) -> str:
        if request.prompt != f"judge_{reward}":
            return '{"score": 3}'
        number = seen.setdefault(request.identity, len(seen))
        return json.dumps({"score": 5.0 * (number % 2 == favoured)})

    return reply


def _learn_a_little(trainer: OmniGRPOTrainer) -> None:
    """Weights other than those that the completions were drawn with, the same for every call."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in trainer.model.parameters():
            weight += 1e-4 * torch.randn(weight.shape, generator=generator)


def test_micro_batches_give_the_gradients_of_the_whole(job: MakeJob, loop: SideLoop) -> None:
    for loss in ("grpo", "dr_grpo", "dapo"):
        whole = _gradients(trainer_of(job(f"whole-{loss}", loss=loss), loop))
        parts = _gradients(trainer_of(job(f"parts-{loss}", loss=loss, micro_batch=2), loop))
        assert len(whole) > 20
        for name, gradient in whole.items():
            assert torch.allclose(parts[name], gradient, rtol=1e-4, atol=1e-7), (loss, name)


def _gradients(trainer: OmniGRPOTrainer) -> dict[str, torch.Tensor]:
    """Of one update's loss, as the trainer adds them up over its passes."""
    passes = trainer.args.gradient_accumulation_steps
    trainer.current_gradient_accumulation_steps = passes
    batch: Any = [{"prompt": str(row)} for row in (0, 1) for _ in range(4)]
    for _ in range(passes):
        inputs: Any = trainer._prepare_inputs(batch)
        assert len(inputs["completion_ids"]) == 8 // passes == len(inputs["media"])
        trainer._compute_loss(trainer.model, inputs).backward()
        trainer._step += 1
    return {name: weight.grad for name, weight in trainer.model.named_parameters() if weight.grad is not None}


def test_sequence_ratio_has_gspo_values_and_each_tokens_own_gradient() -> None:
    logps = torch.tensor([[-1.0, -2.0, -3.0, -9.0]], requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 0]])
    inputs = {
        "old_per_token_logps": torch.tensor([[-1.2, -2.1, -2.9, 0.0]]),
        "completion_mask": mask,
        "tool_mask": torch.ones_like(mask),
    }
    ratio = (logps - sequence_reference(logps.detach(), inputs)).exp()
    sequence = torch.tensor([0.2, 0.1, -0.1]).mean().exp()
    assert torch.allclose(ratio, sequence.expand(1, 4))
    (ratio * torch.tensor([[1.0, 0.0, 2.0, 0.0]])).sum().backward()
    assert logps.grad is not None
    assert torch.allclose(logps.grad, torch.tensor([[1.0, 0.0, 2.0, 0.0]]) * sequence)
