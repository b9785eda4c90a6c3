"""What both trainers tell TRL in the same words: optimizer, checkpoints, and where things run."""

from typing import Any

import torch

from schemas.training import GrpoJob, SftJob


def shared_arguments(job: SftJob | GrpoJob) -> dict[str, Any]:
    """Arguments of SFTConfig and GRPOConfig alike."""
    params = job.params
    optimizer = params.optimizer
    return {
        "output_dir": job.work,
        "max_steps": params.steps,
        "learning_rate": optimizer.lr,
        "warmup_steps": optimizer.warmup_steps,
        "lr_scheduler_type": {"constant": "constant_with_warmup"}.get(optimizer.schedule, optimizer.schedule),
        "weight_decay": optimizer.weight_decay,
        "max_grad_norm": optimizer.max_grad_norm,
        "save_steps": params.save_every,
        "save_total_limit": 2,
        "logging_steps": 1,
        "seed": params.seed,
        "bf16": params.dtype == "bfloat16",
        "use_cpu": not torch.cuda.is_available(),
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "report_to": [],
    }
