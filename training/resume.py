"""Training checkpoints that a trainer goes on from exactly, and the plain one that it publishes in the end.

transformers 5.23 saves a Qwen2.5-Omni thinker under other names than the live model's, and its Trainer loads
a checkpoint by the live names, finds none, and goes on with the weights it had after a mere warning. With ZeRO,
DeepSpeed reads its own states instead.
"""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel, Trainer

from training.checkpoint import load_model, mark_whole, save
from training.families import OmniProcessor
from training.lora import adapter_weights, load_adapters, merge, save_adapters
from training.zero import forget


class ExactResume(Trainer):
    """To stand before a TRL trainer among the bases: whole checkpoints are marked, and fully read back."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: a checkpoint is described by its artifact's manifest."""

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            mark_whole(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        live: Any = self.accelerator.unwrap_model(model or self.model)
        load: Any = load_adapters if isinstance(live, PeftModel) else load_weights
        load(live, Path(resume_from_checkpoint))

    def publish(self, processor: OmniProcessor, checkpoint: Path, out: Path) -> None:
        """Write `out/model`, and `out/adapter` where adapters were trained on `checkpoint`. For all ranks to call:
        they give rank 0 their shares of the weights, and it writes.
        """
        self.accelerator.wait_for_everyone()
        weights = self._shared_out()
        if self.is_world_process_zero():
            live: Any = self.accelerator.unwrap_model(self.model)
            save(_plain(live, weights, checkpoint, out), processor, out / "model")

    def _shared_out(self) -> dict[str, Tensor] | None:
        """All weights on rank 0, where no rank holds them all; None where each does."""
        plugin = self.accelerator.state.deepspeed_plugin
        weights: Any = None
        if plugin is not None and plugin.zero_stage == 3:
            weights = self.accelerator.get_state_dict(self.model_wrapped)
        return weights


def _plain(live: Any, weights: dict[str, Tensor] | None, checkpoint: Path, out: Path) -> PreTrainedModel:
    """The trained model as its official class has it, and an adapter's own files in `out`.

    Weights that ranks shared out go into a model read anew: transformers 5.23 saves one that DeepSpeed holds under
    names (`thinker.model.thinker...`) that it does not find again.
    """
    if isinstance(live, PeftModel):
        config: Any = live.peft_config["default"]
        adapted = adapter_weights(live, weights)
        save_adapters(config, adapted, out / "adapter")
        forget()
        return merge(load_model(checkpoint), config, adapted)
    if weights is None:
        return live
    forget()
    whole = load_model(checkpoint)
    whole.load_state_dict(weights)
    return whole


def load_weights(model: PreTrainedModel, folder: Path) -> None:
    """Every weight of a checkpoint into a live model. Raises RuntimeError for one that is missing or too
    many.
    """
    model.load_state_dict(load_model(folder).state_dict())
