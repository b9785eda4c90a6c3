"""What both trainers tell TRL in the same words: optimizer, checkpoints, and where things run.

To be made before a model is loaded: with ZeRO 3 they decide that weights are shared out as they are read.
"""

from typing import Any

import torch

from schemas.training import GrpoJob, SftJob, TrainingParams
from training.zero import deepspeed_config, join_ranks


def shared_arguments(job: SftJob | GrpoJob) -> dict[str, Any]:
    """Arguments of SFTConfig and GRPOConfig alike. Raises UserError for what cannot be trained so."""
    params = job.params
    deepspeed = deepspeed_config(params)
    if deepspeed is not None:
        join_ranks()
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
        # No balancing loss over experts: it would depend on micro_batch, and TRL leaves a switch in the saved
        # configuration with which generation fails.
        "router_aux_loss_coef": 0.0,
        "deepspeed": deepspeed,
    }


def recomputes(params: TrainingParams) -> bool:
    """Whether activations are computed again on the way back."""
    asked = params.gradient_checkpointing
    return torch.cuda.is_available() if asked is None else asked
