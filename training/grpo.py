"""Group-relative policy optimisation: `python -m training.grpo JOB.json`, or under torchrun.

The prompts of the whole run are drawn from the seed, and proved readable, before it starts, and each
generation has a seed of its own: a run that was killed goes on from its newest whole checkpoint and ends in
the same bytes. Leaves `model/`, `metrics.parquet` and `completions.parquet` in the job's `out`.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig

from llm.engine import Engine
from schemas.example import Example
from schemas.training import GrpoJob, GrpoParams
from schemas.values import UserError
from training.arguments import recomputes, shared_arguments
from training.checkpoint import freeze, load_model, load_processor, newest_whole
from training.engines.choice import connect
from training.faults import saying_faults
from training.grpo_steps import Progress, Updates
from training.held_out import HeldOut
from training.inputs import Encoder
from training.judging import SideLoop
from training.kl import weight
from training.lora import adapters
from training.media_cache import open_cache
from training.omni_grpo import OmniGRPOTrainer
from training.prompt_plan import plan_prompts
from training.rewards.contract import Referee
from training.rollout_log import collect, replace
from training.scoring import Scorer, reward_names
from training.sft import METRICS
from training.start import read_examples, start
from training.towers import Passes, kinds

# Our names for what TRL logs. Times are left out, so that equal runs give equal tables.
LOGGED = {
    "loss": "loss",
    "reward": "reward",
    "kl": "kl",
    "kl_spike": "kl_spike",
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
FAMILIES = ("reward/", "unknown/", "groups/", "silent/", "eval/")
"""What our own figures begin with, of which there is one for each reward or each kind of answer."""
TRACKERS = {"tensorboard": "TENSORBOARD_LOGGING_DIR", "trackio": "TRACKIO_DIR", "wandb": "WANDB_DIR"}
"""Each tracker, which is a package, and the variable that says where it writes."""


def check(params: GrpoParams) -> None:
    """Raises UserError for what cannot be trained."""
    weight(params.kl, 0, params.steps)
    names = reward_names(params)
    if params.decoding.temperature <= 0:
        raise UserError("decoding.temperature must be above 0: completions of one prompt have to differ")
    if params.completions_per_prompt < 2:
        raise UserError("completions_per_prompt must be 2 or more: a group is its own baseline")
    if params.prompts_per_step % params.world_size:
        raise UserError(
            f"prompts_per_step {params.prompts_per_step} does not divide over {params.world_size} processes"
        )
    if (params.rollout_batch or 0) % params.completions_per_prompt:
        raise UserError(
            f"rollout_batch {params.rollout_batch} is no multiple of completions_per_prompt "
            f"{params.completions_per_prompt}: groups are written whole"
        )
    if ("modality" in names) != bool(params.views):
        raise UserError("the reward modality and views go together: name both, or neither")
    passes(params)


def check_job(job: GrpoJob) -> None:
    """Raises UserError for a job that cannot run as it is told."""
    check(job.params)
    if job.judge_deadline >= job.collective_timeout:
        raise UserError(
            f"judge_deadline {job.judge_deadline:g} s is not below collective_timeout {job.collective_timeout:g} s: "
            f"ranks would give up on one that waits for its judge"
        )
    if job.params.evaluate_every and not job.held_out:
        raise UserError("evaluate_every is set, and the job names no held_out examples")
    for tracker in job.trackers:
        if tracker not in TRACKERS:
            raise UserError(f"trackers: {tracker} is not known: choose among {', '.join(TRACKERS)}")
        if importlib.util.find_spec(tracker) is None:
            raise UserError(f"trackers: {tracker} is not installed: pip install {tracker}, or leave it out")


def point_trackers(job: GrpoJob) -> None:
    """Have trackers write to the job's logs, where the environment does not say otherwise."""
    for tracker in job.trackers:
        if job.logs is not None:
            os.environ.setdefault(TRACKERS[tracker], f"{job.logs}/{tracker}")


def passes(params: GrpoParams) -> int:
    """Forward and backward passes of one update on one rank. Raises UserError where micro_batch does not divide."""
    share = params.prompts_per_step * params.completions_per_prompt // params.world_size
    count, left = divmod(share, params.micro_batch or share)
    if left:
        raise UserError(f"micro_batch {params.micro_batch} does not divide the {share} completions of a process")
    return count


def trainer_arguments(job: GrpoJob) -> GRPOConfig:
    params, decoding = job.params, job.params.decoding
    share = params.prompts_per_step * params.completions_per_prompt // params.world_size
    shared = shared_arguments(job) | {"report_to": list(job.trackers), "ddp_timeout": int(job.collective_timeout)}
    return GRPOConfig(
        **shared,
        per_device_train_batch_size=share // passes(params),
        gradient_accumulation_steps=passes(params),
        num_generations=params.completions_per_prompt,
        num_iterations=params.iterations,
        max_completion_length=decoding.max_new_tokens,
        temperature=decoding.temperature,
        beta=params.kl.start,
        epsilon=params.epsilon,
        epsilon_high=params.epsilon_high,
        loss_type="grpo" if params.loss == "gspo" else params.loss,
        scale_rewards="none",
        mask_truncated_completions=False,  # ours, by the loss mask, so that attention sees what was written
        shuffle_dataset=False,
        gradient_checkpointing=recomputes(params),
    )


def make_trainer(job: GrpoJob, examples: list[Example], judge: Referee | None, loop: SideLoop) -> OmniGRPOTrainer:
    """The trainer of a job. Raises UserError for what cannot be trained."""
    params, folder = job.params, Path(job.checkpoint)
    check_job(job)
    point_trackers(job)
    arguments = trainer_arguments(job)  # before the model, which ZeRO 3 shares out as it is read
    encoder = Encoder(load_processor(folder), params.media, Path(job.blobs), pieces=open_cache(job))
    model = load_model(folder).train()
    freeze(model, params.freeze)
    if params.world_size > 1:
        Passes(model, kinds(examples, params.media.audio))
    tokenizer = encoder.processor.tokenizer
    plan = plan_prompts(encoder, examples, params)
    trainer = OmniGRPOTrainer(
        params,
        examples,
        plan,
        encoder,
        Scorer(params, tokenizer, judge, job.judge_deadline),
        connect(params.rollouts, job.place, folder, model, encoder.processor),
        loop,
        arguments,
        model=model,
        train_dataset=Dataset.from_dict({"prompt": [str(row) for row in plan.rows]}),
        callbacks=[Progress()],
        peft_config=adapters(model, params, params.freeze),
    )
    trainer.add_callback(Updates(params, trainer, _held_out(job, trainer)))
    trainer.remove_callback(PrinterCallback)
    return trainer


def _held_out(job: GrpoJob, trainer: OmniGRPOTrainer) -> HeldOut | None:
    if not job.params.evaluate_every or job.held_out is None:
        return None
    ranks = PartialState()
    examples = read_examples(Path(job.held_out))
    return HeldOut(job.params, examples, trainer.encoder, ranks.process_index, ranks.num_processes)


def metrics(history: list[dict[str, Any]], left_out: int) -> pa.Table:
    """The logged values in long form. Step 0 has the number of prompts that were left out."""
    rows: list[dict[str, Any]] = [{"step": 0, "name": "prompts_left_out", "value": float(left_out)}]
    for entry in history:
        ours = {name: name for name in sorted(entry) if name.startswith(FAMILIES)}
        rows += [
            {"step": entry["step"], "name": name, "value": float(entry[logged])}
            for logged, name in {**LOGGED, **ours}.items()
            if entry.get(logged) is not None
        ]
    return pa.Table.from_pylist(rows, schema=METRICS)


def train(job: GrpoJob, judge: Referee | None, loop: SideLoop) -> None:
    """Train from the newest whole checkpoint, or from the start, and leave what the stage publishes."""
    trainer = make_trainer(job, read_examples(Path(job.examples)), judge, loop)
    newest = newest_whole(Path(job.work))
    if newest:
        trainer.restore(newest)
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    trainer.engine.close()
    out = Path(job.out)
    trainer.publish(trainer.encoder.processor, Path(job.checkpoint), out)
    if trainer.is_world_process_zero():
        collect(Path(job.work), out)
        replace(metrics(trainer.state.log_history, len(trainer.plan.left_out)), out / "metrics.parquet")


def main(job: GrpoJob) -> None:
    start(job.parent, job.threads)
    responses = Path(job.responses or f"{job.work}/responses.sqlite")
    engine = Engine(responses, Path(job.blobs), job.llm, scope=Path(job.out).name)
    try:
        with SideLoop() as loop:  # one for the whole run, because connections belong to theirs
            try:
                train(job, Referee(job.params.judge, engine.complete), loop)
            finally:
                loop.run(engine.disconnect())
    finally:
        engine.close()
    usage = Path(job.work) / f"usage-{PartialState().process_index}.json"
    usage.write_text(engine.usage.model_dump_json())


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    with saying_faults(job_file):
        main(GrpoJob.model_validate_json(job_file.read_text()))
