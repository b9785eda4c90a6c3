"""Supervised fine-tuning: `python -m training.sft JOB.json`, or under torchrun.

TRL's SFTTrainer with our own collator, since its own knows no video and no sound. The order of examples is drawn
from the seed for the whole run before it starts, so a run that was killed goes on from its newest whole checkpoint
and ends in the same bytes. Leaves `model/` and `metrics.parquet` in the job's `out`.
"""

import os
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from schemas.example import Example
from schemas.training import SftJob
from schemas.values import UserError
from training.arguments import shared_arguments
from training.checkpoint import freeze, load_model, load_processor, newest_whole, save
from training.collate import Collator
from training.inputs import Encoder
from training.resume import ExactResume
from training.start import read_examples, start

METRICS = pa.schema(
    [
        pa.field("step", pa.int32(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
NAMES = ("loss", "mean_token_accuracy", "grad_norm", "learning_rate")


class OmniSFTTrainer(ExactResume, SFTTrainer):
    """SFTTrainer that takes examples in the order in which they are given."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset or cast(Any, self.train_dataset))


class Progress(TrainerCallback):
    """One line on standard output for the stage's progress bar, about a hundred over the whole run."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        every = max(1, state.max_steps // 100)
        if state.is_world_process_zero and logs and "loss" in logs and state.global_step % every == 0:
            print(f"step {state.global_step}/{state.max_steps} loss={logs['loss']:.4f}", flush=True)


def order(count: int, rows: int, seed: int) -> list[int]:
    """`rows` indices into `count` examples: one shuffle after another, all drawn from the seed."""
    generator = np.random.default_rng(seed)
    epochs = -(-rows // count)
    return np.concatenate([generator.permutation(count) for _ in range(epochs)])[:rows].tolist()


def make_trainer(job: SftJob, examples: list[Example]) -> OmniSFTTrainer:
    """The trainer of a job. Raises UserError when the batch does not divide over the ranks."""
    params, folder = job.params, Path(job.checkpoint)
    processor = load_processor(folder)
    model = load_model(folder).train()
    freeze(model, params.freeze)
    collate = Collator(Encoder(processor, params.media, Path(job.blobs)), params.format)
    rows = order(len(examples), params.steps * params.batch_size, params.seed)
    trainer = OmniSFTTrainer(
        model=model,
        args=trainer_arguments(job),
        train_dataset=Dataset.from_dict({"row": rows}),
        data_collator=lambda picked: collate([examples[each["row"]] for each in picked]),
        processing_class=processor,
        callbacks=[Progress()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def trainer_arguments(job: SftJob) -> SFTConfig:
    params = job.params
    share, left = divmod(params.batch_size, params.world_size)
    if left:
        raise UserError(f"batch_size {params.batch_size} does not divide over {params.world_size} processes")
    passes, left = divmod(share, params.micro_batch or share)
    if left:
        raise UserError(f"micro_batch {params.micro_batch} does not divide the {share} examples of a process")
    return SFTConfig(
        **shared_arguments(job),
        per_device_train_batch_size=share // passes,
        gradient_accumulation_steps=passes,
        ddp_find_unused_parameters=params.world_size > 1,
        gradient_checkpointing=False,
        activation_checkpointing=torch.cuda.is_available(),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
    )


def metrics(history: list[dict[str, Any]]) -> pa.Table:
    """The logged values in long form; times are left out, so that equal runs give equal tables."""
    rows = [
        {"step": entry["step"], "name": name, "value": float(entry[name])}
        for entry in history
        for name in NAMES
        if name in entry
    ]
    return pa.Table.from_pylist(rows, schema=METRICS)


def main(job: SftJob) -> None:
    start(job.parent, job.threads)
    trainer = make_trainer(job, read_examples(Path(job.examples)))
    newest = newest_whole(Path(job.work))
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        leave(trainer, Path(job.out))


def leave(trainer: OmniSFTTrainer, out: Path) -> None:
    """Write what the stage publishes."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    save(model, cast(Any, trainer.processing_class), out / "model")
    temporary = out / "metrics.partial"
    pq.write_table(metrics(trainer.state.log_history), temporary)
    os.replace(temporary, out / "metrics.parquet")


if __name__ == "__main__":
    main(SftJob.model_validate_json(Path(sys.argv[1]).read_text()))
