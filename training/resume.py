"""Training checkpoints that a trainer goes on from exactly.

transformers 5.23 saves a Qwen2.5-Omni thinker under other names than the live model's, and its Trainer loads
a checkpoint by the live names, finds none, and goes on with the weights it had after a mere warning.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer

from training.checkpoint import load_model, mark_whole


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
        load_weights(self.accelerator.unwrap_model(model or self.model), Path(resume_from_checkpoint))


def load_weights(model: PreTrainedModel, folder: Path) -> None:
    """Every weight of a checkpoint into a live model. Raises RuntimeError for one that is missing or too
    many.
    """
    model.load_state_dict(load_model(folder).state_dict())
