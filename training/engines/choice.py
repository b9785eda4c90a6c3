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


def connect(
    rollouts: Rollouts,
    place: RolloutPlace,
    folder: Path,
    model: PreTrainedModel,
    processor: OmniProcessor,
    batch_size: int | None = None,
) -> RolloutEngine:
    """The engine of `rollouts` with the weights of `model`, checked where agreement is asked for. Raises UserError.

    folder: the checkpoint that vLLM opens. batch_size: completions that transformers writes at once.
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
        return VllmEngine(folder, processor, model, place.memory)
    return VllmServerEngine(processor, model, place.url, place.port)
