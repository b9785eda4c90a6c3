"""TRL's GRPOTrainer with video and sound, and with credit by token.

TRL 1.16 hands media to generation but only pictures to scoring, so with video it trains on log-probabilities
of a model that saw nothing. Here each row carries its `Inputs` through TRL's shuffles and splits, and every
forward pass gets them. Rewards and advantages are ours (`training.scoring`); loss, clipping and KL are TRL's.
A rank holds whole groups, so nothing but counts is exchanged.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather, reduce
from torch import Tensor
from trl.trainer.grpo_trainer import GRPOTrainer

from schemas.canonical import fingerprint
from schemas.example import Example
from schemas.training import GrpoParams
from training.inputs import Encoder, Inputs, merge
from training.resume import ExactResume
from training.rollout_log import keep, rows
from training.scoring import Credit, Draw, Scored, Scorer


class OmniGRPOTrainer(ExactResume, GRPOTrainer):
    """Trains on a data set whose `prompt` column holds row numbers of `examples`, as text."""

    def __init__(
        self,
        params: GrpoParams,
        examples: Sequence[Example],
        encoder: Encoder,
        scorer: Scorer,
        loop: asyncio.Runner,
        **trl: Any,
    ) -> None:
        self.params, self.examples, self.encoder, self.scorer = params, examples, encoder, scorer
        self._loop = loop
        self._media: list[Inputs] = []
        self._sequence_ratio: dict[str, Any] | None = None
        super().__init__(reward_funcs=[self.reward], processing_class=encoder.processor, **trl)

    def reward(self, prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        """The completions' totals, for TRL's log; what they are made of is kept for credit."""
        self._examples = [self.examples[int(row)] for row in prompts[:: self.params.completions_per_prompt]]
        ends = set(self.eos_token_ids)
        self._draws = [Draw(tuple(ids), truncated=ids[-1] not in ends) for ids in completion_ids]
        self._scored = self._loop.run(self.scorer.score(self._examples, self._draws))
        return self.scorer.totals(self._scored)

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        encoded = {row: self.encoder.encode(self.examples[int(row)], self.params.format) for row in set(prompts)}
        self._media = [encoded[row] for row in prompts]
        return [list(each.ids) for each in self._media], None, merge(self._media)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Rows in chunks, each forward pass with the media of its rows."""
        size = batch_size or len(input_ids)
        chunks = [slice(first, first + size) for first in range(0, len(input_ids), size)]
        scored = [
            super(OmniGRPOTrainer, self)._get_per_token_logps_and_entropies(
                partial(model, **self._on(input_ids.device, merge(self._media[chunk]))),
                input_ids[chunk],
                attention_mask[chunk],
                logits_to_keep,
                **options,
            )
            for chunk in chunks
        ]
        logps, entropies = torch.cat([each[0] for each in scored]), [each[1] for each in scored]
        if self._sequence_ratio is not None:
            self._sequence_ratio["old_per_token_logps"] = sequence_reference(logps.detach(), self._sequence_ratio)
        return logps, None if entropies[0] is None else torch.cat(entropies), scored[0][2]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        # Seeded by the step, not by what was drawn before: a run that goes on draws what it would have drawn.
        torch.manual_seed(self._seed())
        batch = super()._generate_and_score_completions(inputs)
        credit = self.scorer.credit(self._scored, batch["completion_ids"].shape[1])
        trained = self._trained(credit)
        mask = torch.tensor(trained, device=batch["completion_mask"].device)
        batch["media"] = self._media
        batch["advantages"] = torch.tensor(credit.tokens, dtype=torch.float32, device=mask.device)
        batch["tool_mask"] = mask[:, None].int().expand_as(batch["completion_mask"]).contiguous()
        kept = (batch["completion_mask"] * batch["tool_mask"]).sum()
        kept_everywhere: Any = gather(kept)
        shares: Any = gather(mask.float().mean())
        batch["num_items_in_batch"], batch["trained_share"] = kept_everywhere.sum(), shares.mean()
        self._record(self._scored, credit, trained)
        return batch

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        rest = {name: value for name, value in inputs.items() if name not in ("media", "trained_share")}
        self._media = inputs["media"]
        self._sequence_ratio = rest if self.params.loss == "gspo" and "old_per_token_logps" in rest else None
        try:
            loss = super()._compute_loss(model, rest)
        finally:
            self._sequence_ratio = None
        # TRL counts every completion in these means; those left out of the loss have no part in them either.
        return loss if self.loss_type == "dapo" else loss / inputs["trained_share"].clamp(min=1e-9)

    def _trained(self, credit: Credit) -> list[bool]:
        drops, cuts = self.params.zero_variance == "drop", self.params.mask_truncated
        both = zip(credit.silent.tolist(), self._draws, strict=True)
        return [not (drops and silent) and not (cuts and draw.truncated) for silent, draw in both]

    def _record(self, scored: Scored, credit: Credit, trained: list[bool]) -> None:
        step = self.state.global_step + 1
        table = rows(step, self._examples, self._draws, scored, credit, trained)
        keep(table, Path(str(self.args.output_dir)), step, self.accelerator.process_index)
        for name, values in figures(scored, credit, self._draws).items():
            totals = torch.tensor([sum(values), len(values)], dtype=torch.float64, device=self.accelerator.device)
            summed: Any = reduce(totals, reduction="sum")
            total, count = summed.tolist()
            self._metrics["train"][name].append(total / count if count else float("nan"))

    def _seed(self) -> int:
        rank = self.accelerator.process_index
        return int(fingerprint([self.params.seed, self.params.decoding.seed, self.state.global_step, rank])[:15], 16)

    @staticmethod
    def _on(device: torch.device, media: dict[str, Any]) -> dict[str, Any]:
        return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in media.items()}


def figures(scored: Scored, credit: Credit, draws: Sequence[Draw]) -> dict[str, list[float]]:
    """Values to average over the completions of a step, by the name they are logged under."""
    values: dict[str, list[float]] = {}
    for column, name in enumerate(scored.names):
        column_scores = [row[column].value for row in scored.scores]
        values[f"reward/{name}"] = [value for value in column_scores if value is not None]
        values[f"unknown/{name}"] = [float(value is None) for value in column_scores]
    values["silent"] = [float(each) for each in credit.silent]
    values["truncated"] = [float(draw.truncated) for draw in draws]
    values["well_formed"] = [float(not rollout.completion.errors) for rollout in scored.rollouts]
    return values


def sequence_reference(logps: Tensor, inputs: dict[str, Any]) -> Tensor:
    """Old log-probabilities that make each token's ratio that of its sequence, (N, T).

    GSPO-token (arXiv 2507.18071, section 4.3): s_t = sg[s] * pi_t / sg[pi_t] with s = exp(mean_t(log pi - log
    old)). The value and the clipping are GSPO's; the gradient of a token carries its own advantage.
    """
    mask = inputs["completion_mask"] * inputs["tool_mask"]
    drift = ((logps - inputs["old_per_token_logps"]) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(
        min=1
    )
    return logps - drift
