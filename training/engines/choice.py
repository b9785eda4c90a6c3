"""The engine that a recipe names."""

from pathlib import Path
from typing import cast

from transformers import PreTrainedModel

from schemas.training import RolloutPlace, Rollouts
from schemas.values import UserError
from training.engines.agreement import CheckedEngine
from training.engines.contract import RolloutEngine
from training.engines.local import TransformersEngine
from training.engines.vllm import VllmEngine
from training.engines.vllm_server import VllmServerEngine
from training.families import OmniProcessor
from training.model_types import is_thinker


def connect(
    rollouts: Rollouts,
    place: RolloutPlace,
    folder: Path,
    model: PreTrainedModel,
    processor: OmniProcessor,
    batch_size: int | None = None,
) -> RolloutEngine:
    """The engine of `rollouts` with the weights of `model`, checked where agreement is asked for. Raises UserError.

    folder: the checkpoint that vLLM opens where `place` names none. batch_size: completions that transformers writes at
    once.
    """
    engine = _connect(rollouts, place, folder, model, processor, batch_size)
    if rollouts.agreement is None:
        return engine
    return CheckedEngine(engine, model, cast(int, processor.tokenizer.pad_token_id), rollouts.agreement)


def _connect(
    rollouts: Rollouts,
    place: RolloutPlace,
    folder: Path,
    model: PreTrainedModel,
    processor: OmniProcessor,
    batch_size: int | None,
) -> RolloutEngine:
    if rollouts.engine == "transformers":
        return TransformersEngine(model, processor.tokenizer, batch_size, reports=rollouts.agreement is not None)
    if rollouts.agreement is None:
        raise UserError(f"rollouts.engine {rollouts.engine} needs rollouts.agreement: say how far apart the two may be")
    if rollouts.engine == "vllm":
        return VllmEngine(_whole(Path(place.folder) if place.folder else folder), processor, model, place.memory)
    return VllmServerEngine(processor, model, place.url, place.port)


def _whole(folder: Path) -> Path:
    """The folder itself. Raises UserError for a thinker's, which vLLM does not know by itself."""
    if is_thinker(folder):
        raise UserError(
            f"vLLM cannot open {folder}, which is a thinker: name the folder of the whole model that it came from with "
            "CONTEXTFIRST_VLLM_FOLDER; it is given the trainer's weights"
        )
    return folder
