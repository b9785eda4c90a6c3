"""Low-rank adapters for either trainer: which layers get one, and a plain checkpoint in the end.

A trainer is given `adapters(...)` and wraps its model. What is published is the base, read again from its
checkpoint, with the adapters merged into it, so official classes load it and know nothing of adapters.
"""

import re
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.save_and_load import get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedModel

from schemas.training import Tower, TrainingParams
from schemas.values import UserError
from training.families import family_named

WEIGHTS = "adapter_model.safetensors"


def adapters(model: PreTrainedModel, params: TrainingParams, frozen: tuple[Tower, ...]) -> LoraConfig | None:
    """What peft is to add to `model`; None where all weights are trained. Raises UserError for unknown targets."""
    lora = params.lora
    if lora is None:
        return None
    pattern = _pattern(model, lora.targets, frozen)
    _check_targets(model, lora.targets, pattern)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # any number, though annotated as int
        lora_dropout=lora.dropout,
        target_modules=pattern,
    )


def _pattern(model: PreTrainedModel, targets: tuple[str, ...], frozen: tuple[Tower, ...]) -> str:
    """A pattern of module names: one text, since peft writes a list of names in an order that varies."""
    towers = family_named(model.config.model_type).towers
    outside = "".join(rf"(?!{re.escape(towers[tower])}\.)" for tower in sorted(frozen))
    return rf"{outside}.*\.({'|'.join(map(re.escape, targets))})"


def _check_targets(model: PreTrainedModel, targets: tuple[str, ...], pattern: str) -> None:
    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    found = {name.rpartition(".")[2] for name in linear if re.fullmatch(pattern, name)}
    if "lm_head" in targets:
        raise UserError("lora.targets: lm_head cannot have an adapter, since the loss reads its weight directly")
    if missing := sorted(set(targets) - found):
        known = sorted({name.rpartition(".")[2] for name in linear} - {"lm_head"})
        raise UserError(f"lora.targets: no trained linear layer is named {missing[0]}; there are {', '.join(known)}")


def load_adapters(model: PeftModel, folder: Path) -> None:
    """The adapters of a training checkpoint into a live model. Raises RuntimeError for one missing or too many."""
    weights = load_peft_weights(str(folder), device="cpu")
    _set(model, weights)


def adapter_weights(model: PeftModel, weights: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The adapters alone, by peft's names, out of the model or of a state dict of it."""
    found: dict[str, Any] = get_peft_model_state_dict(model, state_dict=weights, save_embedding_layers=False)
    return {name: tensor.detach().float().cpu().contiguous() for name, tensor in found.items()}


def merge(base: PreTrainedModel, config: LoraConfig, weights: dict[str, Tensor]) -> PreTrainedModel:
    """`base` with adapters merged into its own weights."""
    wrapped = get_peft_model(base, config)
    assert isinstance(wrapped, PeftModel)
    _set(wrapped, weights)
    return wrapped.merge_and_unload()  # type: ignore[operator]  # peft forwards it to the tuner


def save_adapters(config: LoraConfig, weights: dict[str, Tensor], folder: Path) -> None:
    """Write an adapter that peft reads. It names no base: that is the manifest's to say, and here it was a path."""
    config.base_model_name_or_path, config.inference_mode = None, True
    config.save_pretrained(str(folder))
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def _set(model: PeftModel, weights: dict[str, Tensor]) -> None:
    loaded = set_peft_model_state_dict(model, weights)
    missing = [name for name in loaded.missing_keys if "lora_" in name]
    if missing or loaded.unexpected_keys:
        raise RuntimeError(f"adapters do not fit: missing {missing[:3]}, too many {loaded.unexpected_keys[:3]}")
