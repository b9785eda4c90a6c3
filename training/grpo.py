"""Group-relative policy optimisation: `python -m training.grpo JOB.json`, or under torchrun.

The prompts of the whole run are drawn from the seed, and proved readable, before it starts, and each
generation has a seed of its own: a run that was killed goes on from its newest whole checkpoint and ends in
the same bytes. Leaves `model/`, `metrics.parquet` and `completions.parquet` in the job's `out`.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, TrainerState
from trl.trainer.grpo_config import GRPOConfig

from llm.engine import Engine
from schemas.example import Example
from schemas.training import GrpoJob, GrpoParams
from schemas.values import UserError
from training.arguments import shared_arguments
from training.checkpoint import freeze, load_model, load_processor, newest_whole, save
from training.generate import suppressed
from training.inputs import Encoder
from training.kl import weight
from training.omni_grpo import OmniGRPOTrainer
from training.prompt_plan import PromptPlan, plan_prompts
from training.rewards.contract import Referee
from training.rollout_log import collect, replace
from training.scoring import Scorer, reward_names
from training.sft import METRICS
from training.start import read_examples, start

# Our names for what TRL logs. Times are left out, so that equal runs give equal tables.
LOGGED = {
    "loss": "loss",
    "reward": "reward",
    "kl": "kl",
    "beta": "beta",
    "entropy": "entropy",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "completions/mean_length": "tokens",
    "clip_ratio/region_mean": "clipped",
    "silent": "silent",
    "truncated": "truncated",
    "well_formed": "well_formed",
}


class KlSchedule(TrainerCallback):
    """Sets the KL weight before each step and logs it."""

    def __init__(self, params: GrpoParams) -> None:
        self._params = params
        self.trainer: OmniGRPOTrainer | None = None

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        del args, control
        if self.trainer is not None and self.trainer.ref_model is not None:
            self.trainer.beta = weight(self._params.kl, state.global_step, self._params.steps)
            self.trainer._metrics["train"]["beta"].append(self.trainer.beta)


class Progress(TrainerCallback):
    """One line a step on standard output, for the stage's progress bar."""

    def on_log(self, args: Any, state: TrainerState, control: Any, **logged: Any) -> None:
        del args, control
        logs: dict[str, float | None] = logged.get("logs") or {}
        if state.is_world_process_zero and "loss" in logs:
            shown = {name: logs.get(name) for name in ("reward", "kl")}
            text = " ".join(f"{name}={value:.4f}" for name, value in shown.items() if value is not None)
            print(f"step {state.global_step}/{state.max_steps} {text}", flush=True)


def check(params: GrpoParams) -> None:
    """Raises UserError for what cannot be trained."""
    weight(params.kl, 0, params.steps)
    reward_names(params)
    if params.decoding.temperature <= 0:
        raise UserError("decoding.temperature must be above 0: completions of one prompt have to differ")
    if params.completions_per_prompt < 2:
        raise UserError("completions_per_prompt must be 2 or more: a group is its own baseline")
    if params.prompts_per_step % params.world_size:
        raise UserError(
            f"prompts_per_step {params.prompts_per_step} does not divide over {params.world_size} processes"
        )
    if params.save_every % params.iterations:
        raise UserError(f"save_every {params.save_every} is no multiple of iterations {params.iterations}")


def trainer_arguments(job: GrpoJob, suppress: list[int]) -> GRPOConfig:
    params, decoding = job.params, job.params.decoding
    return GRPOConfig(
        **shared_arguments(job),
        per_device_train_batch_size=params.prompts_per_step * params.completions_per_prompt // params.world_size,
        num_generations=params.completions_per_prompt,
        num_iterations=params.iterations,
        max_completion_length=decoding.max_new_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        generation_kwargs={"suppress_tokens": suppress},
        beta=params.kl.start,
        epsilon=params.epsilon,
        epsilon_high=params.epsilon_high,
        loss_type="grpo" if params.loss == "gspo" else params.loss,
        scale_rewards="none",
        mask_truncated_completions=False,  # ours, by the loss mask, so that attention sees what was written
        shuffle_dataset=False,
        gradient_checkpointing=torch.cuda.is_available(),
    )


def make_trainer(
    job: GrpoJob, examples: list[Example], judge: Referee | None, loop: asyncio.Runner
) -> tuple[OmniGRPOTrainer, PromptPlan]:
    """The trainer of a job and what it will be asked. Raises UserError for what cannot be trained."""
    params, folder = job.params, Path(job.checkpoint)
    check(params)
    encoder = Encoder(load_processor(folder), params.media, Path(job.blobs))
    tokenizer = encoder.processor.tokenizer
    model = load_model(folder).train()
    freeze(model, params.freeze)
    arguments = trainer_arguments(job, suppressed(tokenizer, model.config.get_text_config().vocab_size))
    plan = plan_prompts(encoder, examples, params)
    schedule = KlSchedule(params)
    trainer = OmniGRPOTrainer(
        params,
        examples,
        encoder,
        Scorer(params, tokenizer, judge),
        loop,
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": [str(row) for row in plan.rows]}),
        callbacks=[schedule, Progress()],
    )
    schedule.trainer = trainer
    trainer.remove_callback(PrinterCallback)
    return trainer, plan


def metrics(history: list[dict[str, Any]], left_out: int) -> pa.Table:
    """The logged values in long form. Step 0 has the number of prompts that were left out."""
    rows: list[dict[str, Any]] = [{"step": 0, "name": "prompts_left_out", "value": float(left_out)}]
    for entry in history:
        rewards = {name: name for name in sorted(entry) if name.startswith(("reward/", "unknown/"))}
        rows += [
            {"step": entry["step"], "name": name, "value": float(entry[logged])}
            for logged, name in {**LOGGED, **rewards}.items()
            if entry.get(logged) is not None
        ]
    return pa.Table.from_pylist(rows, schema=METRICS)


def train(job: GrpoJob, judge: Referee | None, loop: asyncio.Runner) -> None:
    """Train from the newest whole checkpoint, or from the start, and leave what the stage publishes."""
    examples = read_examples(Path(job.examples))
    trainer, plan = make_trainer(job, examples, judge, loop)
    newest = newest_whole(Path(job.work))
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        out = Path(job.out)
        save(trainer.accelerator.unwrap_model(trainer.model), trainer.encoder.processor, out / "model")
        collect(Path(job.work), out)
        replace(metrics(trainer.state.log_history, len(plan.left_out)), out / "metrics.parquet")


def main(job: GrpoJob) -> None:
    start(job.parent, job.threads)
    responses = Path(job.responses or f"{job.work}/responses.sqlite")
    engine = Engine(responses, Path(job.blobs), job.llm, scope=Path(job.out).name)
    try:
        with asyncio.Runner() as loop:  # one for the whole run, because connections belong to theirs
            try:
                train(job, Referee(job.params.judge, engine.complete), loop)
            finally:
                loop.run(engine.disconnect())
    finally:
        engine.close()
    usage = Path(job.work) / f"usage-{PartialState().process_index}.json"
    usage.write_text(engine.usage.model_dump_json())


if __name__ == "__main__":
    main(GrpoJob.model_validate_json(Path(sys.argv[1]).read_text()))
