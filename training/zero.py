"""DeepSpeed's ZeRO for either trainer: the configuration, and what must stand before a process can use it.

ZeRO 2 keeps a share of gradients and optimizer state on each rank, ZeRO 3 a share of the weights too, which are
gathered layer by layer as a pass needs them: all ranks must reach the same layers in the same order, and
`training.towers` sees to it. Values of `auto` are filled in from the trainer's own arguments.
"""

import importlib
import importlib.util
import os
from typing import Any

import torch
from transformers.integrations import deepspeed as integration

from schemas.training import TrainingParams
from schemas.values import UserError


def deepspeed_config(params: TrainingParams) -> dict[str, Any] | None:
    """DeepSpeed's configuration; None without ZeRO. Raises UserError for what cannot be."""
    if not params.zero:
        if params.offload:
            raise UserError(f"offload: [{', '.join(params.offload)}] needs zero: 2 or zero: 3")
        return None
    if "weights" in params.offload and params.zero != 3:
        raise UserError("offload: [weights] needs zero: 3, since with zero: 2 every rank holds all weights")
    if importlib.util.find_spec("deepspeed") is None:
        raise UserError(f"zero: {params.zero} needs DeepSpeed: pip install 'contextfirst[distributed]'")
    return {
        "zero_optimization": _stage(params),
        "bf16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "gradient_accumulation_steps": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "zero_allow_untested_optimizer": True,
    }


def _stage(params: TrainingParams) -> dict[str, Any]:
    on_gpu = torch.cuda.is_available()
    place = {"device": "cpu", "pin_memory": on_gpu}
    stage: dict[str, Any] = {"stage": params.zero, "contiguous_gradients": True, "overlap_comm": on_gpu}
    if "optimizer" in params.offload:
        stage["offload_optimizer"] = place
    if "weights" in params.offload:
        stage["offload_param"] = place
    if params.zero == 3:
        # The last makes a checkpoint's weights whole again on rank 0.
        stage |= {
            "reduce_bucket_size": "auto",
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": True,
        }
    return stage


def join_ranks() -> None:
    """Have DeepSpeed know the other ranks, as it must before it can share out a model that is being read.

    Where no launcher did, we say that there are none: it would ask MPI.
    """
    deepspeed = importlib.import_module("deepspeed")
    if "RANK" not in os.environ:
        alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
        os.environ |= alone
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    deepspeed.init_distributed(backend, auto_mpi_discovery=False, verbose=False)


def forget() -> None:
    """Have what is loaded from here on come whole, on the rank that loads it, and not shared over all."""
    integration.unset_hf_deepspeed_config()
