"""TRL's GRPOTrainer with video and sound, with credit by token, and with groups that can be drawn again.

TRL 1.16 hands media to generation but only pictures to scoring, so with video it trains on log-probabilities
of a model that saw nothing. Here each row carries its `Inputs` through TRL's shuffles and splits, and every
forward pass gets them. Completions, rewards and advantages are ours (`training.drawing`, `training.scoring`); loss,
clipping and KL are TRL's. A rank holds whole groups, so nothing but counts is exchanged.

TRL calls, for the completions of one or several updates: `_roll_out`, where they are written and their judges asked;
the log-probabilities of the old and the reference model; and `reward`, where scores are waited for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather, reduce
from torch import Tensor
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from schemas.canonical import fingerprint
from schemas.example import Example
from schemas.training import Decoding, GrpoParams
from training.checkpoint import newest_whole
from training.drawing import Drawer, Drawn, Write
from training.engines.contract import RolloutEngine, Written
from training.held_out import HeldOut
from training.inputs import Encoder, Inputs, merge
from training.judging import SideLoop, Silence
from training.kl import KlControl
from training.prompt_plan import PromptPlan, rounds, share, spare
from training.resampling import Filled, fill
from training.resume import ExactResume
from training.rollout_buffer import RankState, read_state, write_state
from training.rollout_log import Learnt, keep, rows
from training.scoring import Credit, Draw, Scorer, joined
from training.step_figures import averages, completion_means, silent_by_kind
from training.step_times import StepTimes


class OmniGRPOTrainer(ExactResume, GRPOTrainer):
    """Trains on a data set whose `prompt` column holds row numbers of `examples`, as text, in the plan's order."""

    def __init__(
        self,
        params: GrpoParams,
        examples: Sequence[Example],
        plan: PromptPlan,
        encoder: Encoder,
        scorer: Scorer,
        engine: RolloutEngine,
        loop: SideLoop,
        arguments: GRPOConfig,
        **trl: Any,
    ) -> None:
        self.params, self.examples, self.plan, self.encoder = params, examples, plan, encoder
        self.scorer, self.engine, self.loop = scorer, engine, loop
        self.kl, self.silence = KlControl(params.kl, params.steps), Silence(params)
        self._media: list[Inputs] = []
        self._drawn = Filled([], [])
        self._sequence_ratio: dict[str, Any] | None = None
        self._logps: Tensor | None = None
        self._synced: int | None = None
        super().__init__(reward_funcs=[self.reward], processing_class=encoder.processor, args=arguments, **trl)
        self._arguments, self.work = arguments, Path(str(arguments.output_dir))
        self.times = StepTimes(self.work, self.accelerator.process_index)
        self._drawer = Drawer(params, examples, encoder, scorer, loop, self.times, plan.rows[0])
        self._kl_sums = torch.zeros(2, device=self.accelerator.device)
        self.rollout_func = self._roll_out  # type: ignore[assignment]  # any callable of these two arguments

    def _roll_out(self, prompts: list[str], _: Any) -> dict[str, Any]:
        """The one place where completions are written. Groups that teach nothing make room where they are to."""
        planned = [int(row) for row in prompts[:: self.params.completions_per_prompt]]
        self._drawn = fill(self._draw(planned), self._teaches, self._stand_ins, self._most, rounds(self.params))
        self._media = [group.inputs for group in self._drawn.groups for _ in group.draws]
        following = share(self.plan, self.params, self._generation + 1, self.accelerator.process_index)
        self.encoder.prefetch([self.examples[row] for row in following])
        return {
            "prompt_ids": [list(each.ids) for each in self._media],
            "completion_ids": [list(draw.ids) for draw in self._draws],
            "logprobs": None,
        }

    def reward(self, prompts: list[str], **_: Any) -> list[float | None]:
        """The completions' totals, for TRL's log; what they are made of is kept for credit."""
        del prompts  # of the plan; what was drawn in the end may be others
        with self.times.part("judge"):
            for group in (*self._drawn.given_up, *self._drawn.groups):
                self.silence.look(group.scores.result().all, self.kept)
        self._scored = joined([group.scores.result() for group in self._drawn.groups])
        return self.scorer.totals(self._scored)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The one place where log-probabilities are computed: rows in chunks, each pass with the media of its rows."""
        size = batch_size or len(input_ids)
        chunks = [slice(first, first + size) for first in range(0, len(input_ids), size)]
        with nullcontext() if torch.is_grad_enabled() else self.times.part("log_probs"):
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
        self._logps = logps.detach()
        if self._sequence_ratio is not None:
            self._sequence_ratio["old_per_token_logps"] = sequence_reference(self._logps, self._sequence_ratio)
        return logps, None if entropies[0] is None else torch.cat(entropies), scored[0][2]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        # Seeded by the step, not by what was drawn before: a run that goes on draws what it would have drawn.
        torch.manual_seed(self._seed())
        batch = super()._generate_and_score_completions(inputs)
        credit = self.scorer.credit(self._scored, batch["completion_ids"].shape[1])
        trained = self._trained(credit)
        mask = torch.tensor(trained, device=batch["completion_mask"].device)
        batch["media"] = self._media
        batch["rows"] = [group.row for group in self._drawn.groups for _ in group.draws]
        batch["advantages"] = torch.tensor(credit.tokens, dtype=torch.float32, device=mask.device)
        batch["tool_mask"] = mask[:, None].int() * self._chosen(batch["completion_mask"])
        kept = (batch["completion_mask"] * batch["tool_mask"]).sum()
        kept_everywhere: Any = gather(kept)
        shares: Any = gather(mask.float().mean())
        batch["num_items_in_batch"], batch["trained_share"] = kept_everywhere.sum(), shares.mean()
        self._record(credit, trained)
        return batch

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        rest = {name: value for name, value in inputs.items() if name not in ("media", "rows", "trained_share")}
        self._media = inputs["media"]
        self._sequence_ratio = rest if self.params.loss == "gspo" and "old_per_token_logps" in rest else None
        try:
            loss = super()._compute_loss(model, rest)
        finally:
            self._sequence_ratio = None
        self._add_kl(rest)
        # TRL counts every completion in these means; those left out of the loss have no part in them either.
        return loss if self.loss_type == "dapo" else loss / inputs["trained_share"].clamp(min=1e-9)

    def update_kl(self) -> float | None:
        """Nats a token over all completions of the update that were trained, on all ranks; None where none was."""
        summed: Any = reduce(self._kl_sums, reduction="sum")
        total, count = summed[0], summed[1]
        self._kl_sums = torch.zeros_like(self._kl_sums)
        return (total / count).item() if count else None

    def held_out_accuracy(self, held_out: HeldOut) -> dict[str, float]:
        """Over all ranks, by kind of answer and of all, with the share of answers that could not be scored."""
        greedy = self.params.decoding.model_copy(update={"temperature": 0.0, "draws": 1})
        with self.times.part("evaluate"), self._writing(greedy) as write:
            found = held_out.tallies(write, self.scorer, self.loop)
        sums = torch.tensor(self._added([number for tally in found.values() for number in tally])).view(-1, 3)
        right, known, unknown = sums.sum(0).tolist()
        by_kind = averages([f"eval/accuracy/{kind}" for kind in found], sums[:, 0].tolist(), sums[:, 1].tolist())
        every = averages(["eval/accuracy", "eval/unknown"], [right, unknown], [known, known + unknown])
        return {name: value for name, value in (every | by_kind).items() if value == value}  # NaN: none of that kind

    def restore(self, checkpoint: Path) -> None:
        """What the checkpoint holds of this rank beside weights, optimizer and generators."""
        state = read_state(checkpoint, self.accelerator.process_index)
        self._step = state["passes"]
        self.kl.restore(state["kl"])
        self.silence.restore(state["silence"])
        batches = [
            {**batch, "media": [self._drawer.encode(row) for row in batch["rows"]]} for batch in state["batches"]
        ]
        self._buffered_inputs = [self._on(self.accelerator.device, batch) for batch in batches] or None

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        used_up = self._step % ((self._arguments.steps_per_generation or 1) * self.num_iterations) == 0
        batches: list[dict[str, Any]] = [] if used_up else self._buffered_inputs or []  # type: ignore[assignment]
        state: RankState = {
            "passes": self._step,
            "batches": [{name: value for name, value in batch.items() if name != "media"} for batch in batches],
            "kl": self.kl.state(),
            "silence": self.silence.state(),
        }
        folder = self.work / f"checkpoint-{self.state.global_step}"
        write_state(state, folder, self.accelerator.process_index)
        super()._save_checkpoint(model, trial)

    @contextmanager
    def _writing(self, decoding: Decoding) -> Iterator[Write]:
        """To be entered by all ranks together, which then write equally often: weights may be shared out over them."""
        with unwrap_model_for_generation(
            self.model_wrapped,
            self.accelerator,
            gather_deepspeed3_params=self._arguments.ds3_gather_for_generation,
        ) as model:
            if self._synced != self.state.global_step:  # what is drawn again in a step meets the same weights
                self.engine.sync(model)
                self._synced = self.state.global_step
            yield lambda inputs: [drawn(each) for each in self.engine.complete(inputs, decoding)]

    def _draw(self, examples: Sequence[int], stand_in: int = 0, most: int = 0) -> list[Drawn]:
        with self._writing(self.params.decoding) as write:
            return self._drawer.draw(write, examples, stand_in, most)

    def _stand_ins(self, number: int, places: list[int], most: int) -> list[Drawn]:
        first = self.accelerator.process_index * (self.params.prompts_per_step // self.params.world_size)
        found = [self.plan.spares[spare(self.params, self._generation, number, first + place)] for place in places]
        return self._draw(found, number, most)

    def _teaches(self, group: Drawn) -> bool:
        with self.times.part("judge"):
            scored = group.scores.result()
        return not self.scorer.credit(scored, max(len(draw.ids) for draw in group.draws)).silent.any()

    def _most(self, number: int) -> int:
        everywhere: Any = gather(torch.tensor([number], device=self.accelerator.device))
        return int(everywhere.max())

    def _added(self, values: Sequence[float]) -> list[float]:
        """Sums over the ranks."""
        summed: Any = reduce(torch.tensor(values, dtype=torch.float64, device=self.accelerator.device), "sum")
        return summed.tolist()

    @property
    def _generation(self) -> int:
        return self.state.global_step // self.params.iterations

    @property
    def _draws(self) -> list[Draw]:
        return [draw for group in self._drawn.groups for draw in group.draws]

    @property
    def kept(self) -> str:
        newest = newest_whole(self.work)
        return newest.name if newest else "its start"

    def _chosen(self, completion_mask: Tensor) -> Tensor:
        """(N, T) 1 for tokens that the model chose itself, 0 for forced ones and behind the end."""
        chosen = torch.zeros_like(completion_mask)
        for row, draw in enumerate(self._draws):
            chosen[row, : len(draw.chosen)] = torch.tensor(draw.chosen, device=chosen.device)
        return chosen

    def _trained(self, credit: Credit) -> list[bool]:
        params = self.params
        drops = params.zero_variance != "keep"
        return [
            not (
                (drops and silent)
                or (params.mask_truncated and rollout.truncated)
                or (params.mask_malformed and rollout.completion.errors)
            )
            for silent, rollout in zip(credit.silent.tolist(), self._scored.rollouts, strict=True)
        ]

    def _add_kl(self, batch: dict[str, Any]) -> None:
        """TRL's estimate, weighted like its loss: completions of an older policy count as much as they do in this."""
        if "ref_per_token_logps" in batch and self._logps is not None:
            over = batch["ref_per_token_logps"] - self._logps
            ratio = (self._logps - batch.get("old_per_token_logps", self._logps)).exp()
            mask = batch["completion_mask"] * batch["tool_mask"]
            self._kl_sums += torch.stack([((over.exp() - over - 1) * ratio * mask).sum(), mask.sum().float()])

    def _record(self, credit: Credit, trained: list[bool]) -> None:
        step, size = self.state.global_step + 1, self.params.completions_per_prompt
        shares = [slice(first, first + size) for first in range(0, len(trained), size)]
        learnt = [*(None for _ in self._drawn.given_up), *(Learnt(credit.rewards[own], trained[own]) for own in shares)]
        groups = zip((*self._drawn.given_up, *self._drawn.groups), learnt, strict=True)
        found = [
            row
            for group, its in groups
            for row in rows(step, self.examples[group.row], group.stand_in, group.draws, group.scores.result(), its)
        ]
        keep(found, self.work, step, self.accelerator.process_index)
        self._log_means(completion_means(self._scored, credit) | self._silent_by_kind(credit))

    def _silent_by_kind(self, credit: Credit) -> dict[str, list[float]]:
        size = self.params.completions_per_prompt
        every = [*self._drawn.groups, *self._drawn.given_up]
        kinds = [self.examples[group.row].answer_kind for group in every]
        teaches = [not silent for silent in credit.silent[::size]] + [False] * len(self._drawn.given_up)
        return silent_by_kind(kinds, teaches)

    def _log_means(self, values: dict[str, list[float]]) -> None:
        """Put means over all ranks into TRL's log, with the number of groups by kind of answer."""
        sums, numbers = [sum(each) for each in values.values()], [len(each) for each in values.values()]
        added = self._added([*sums, *numbers])
        counts = dict(zip(values, added[len(values) :], strict=True))
        for name, value in averages(list(values), added[: len(values)], added[len(values) :]).items():
            kind = name.removeprefix("silent/")
            if kind == name:
                self._metrics["train"][name].append(value)
            elif counts[name]:
                self._metrics["train"][name].append(value)
                self._metrics["train"][f"groups/{kind}"].append(counts[name])

    def _seed(self) -> int:
        rank = self.accelerator.process_index
        return int(fingerprint([self.params.seed, self.params.decoding.seed, self.state.global_step, rank])[:15], 16)

    @staticmethod
    def _on(device: torch.device, media: dict[str, Any]) -> dict[str, Any]:
        return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in media.items()}


def drawn(written: Written) -> Draw:
    return Draw(written.ids, written.truncated, written.chosen)


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
