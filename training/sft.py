"""Supervised fine-tuning: `python -m training.sft JOB.json`, or under torchrun.

TRL's SFTTrainer with our own collator, since its own knows no video and no sound. The order of examples is drawn
from the seed for the whole run before it starts, so a run that was killed goes on from its newest whole checkpoint
and ends in the same bytes. Leaves `model/` and `metrics.parquet` in the job's `out`, and `adapter/` after LoRA.
"""

import os
import sys
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from schemas.example import Example
from schemas.training import SftJob, SftParams
from schemas.values import UserError
from training.arguments import recomputes, shared_arguments
from training.buckets import bucketed, expected_length, order
from training.checkpoint import freeze, load_model, load_processor, newest_whole
from training.collate import Collator, InOrder
from training.faults import saying_faults
from training.inputs import Encoder
from training.lora import adapters
from training.media_cache import open_cache
from training.resume import ExactResume
from training.start import read_examples, start
from training.towers import Passes, kinds

METRICS = pa.schema(
    [
        pa.field("step", pa.int32(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
NAMES = ("loss", "mean_token_accuracy", "grad_norm", "learning_rate")
PADDING = "padding"
"""Share of the places of a step's batches that hold no token."""


class OmniSFTTrainer(ExactResume, SFTTrainer):
    """SFTTrainer that takes examples in the order in which they are given."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset or cast(Any, self.train_dataset))

    def compute_loss(self, model: Any, inputs: dict[str, Any], *rest: Any, **options: Any) -> Any:
        filled: Any = self.accelerator.gather(inputs["attention_mask"].float().mean())
        self._metrics["train"][PADDING].append(1.0 - filled.mean().item())
        return super().compute_loss(model, inputs, *rest, **options)


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
            shown = f"loss={logs['loss']:.4f} padding={logs[PADDING]:.2f}"
            print(f"step {state.global_step}/{state.max_steps} {shown}", flush=True)


def make_trainer(job: SftJob, examples: list[Example]) -> OmniSFTTrainer:
    """The trainer of a job. Raises UserError for what cannot be trained."""
    params, folder = job.params, Path(job.checkpoint)
    arguments = trainer_arguments(job)  # before the model, which ZeRO 3 shares out as it is read
    processor = load_processor(folder)
    encoder = Encoder(processor, params.media, Path(job.blobs), pieces=open_cache(job))
    collate = Collator(encoder, params.format)
    collate.check(examples)
    model = load_model(folder).train()
    freeze(model, params.freeze)
    if params.world_size > 1:
        Passes(model, kinds(examples, params.media.audio))
    rows = rows_in_order(params, examples)
    trainer = OmniSFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"place": list(range(len(rows)))}),
        data_collator=InOrder(collate, examples, rows, params.world_size),
        processing_class=processor,
        callbacks=[Progress()],
        peft_config=adapters(model, params, params.freeze),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def rows_in_order(params: SftParams, examples: list[Example]) -> list[int]:
    """The whole run's examples by their number, as they will be seen."""
    rows = order(len(examples), params.steps * params.batch_size, params.seed)
    if params.bucket == 1:
        return rows
    lengths = [expected_length(example, params.format, params.media) for example in examples]
    return bucketed(rows, lengths, params.batch_size, params.bucket, params.seed)


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
        activation_checkpointing=recomputes(params),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
    )


def metrics(history: list[dict[str, Any]], names: tuple[str, ...] = NAMES) -> pa.Table:
    """The logged values in long form; times are left out, so that equal runs give equal tables."""
    rows = [
        {"step": entry["step"], "name": name, "value": float(entry[name])}
        for entry in history
        for name in names
        if name in entry
    ]
    return pa.Table.from_pylist(rows, schema=METRICS)


def main(job: SftJob) -> None:
    start(job.parent, job.threads)
    trainer = make_trainer(job, read_examples(Path(job.examples)))
    newest = newest_whole(Path(job.work))
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    out = Path(job.out)
    trainer.publish(cast(Any, trainer.processing_class), Path(job.checkpoint), out)
    if trainer.is_world_process_zero():
        names = NAMES if job.params.bucket == 1 else (*NAMES, PADDING)
        temporary = out / "metrics.partial"
        pq.write_table(metrics(trainer.state.log_history, names), temporary)
        os.replace(temporary, out / "metrics.parquet")


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    with saying_faults(job_file):
        main(SftJob.model_validate_json(job_file.read_text()))
