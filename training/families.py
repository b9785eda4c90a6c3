"""The model families that can be trained, as one table of what differs between them.

A checkpoint's `config.json` names its family. A folder may hold a thinker, or a full model with its talker: the
thinker's official class takes its own weights out of both. What is not in the table is alike in all families.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from transformers import (
    PreTrainedModel,
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen3OmniMoeProcessor,
    Qwen3OmniMoeThinkerForConditionalGeneration,
)

from schemas.training import Tower
from training.model_types import QWEN2_5_OMNI, QWEN3_OMNI, ModelType, model_type_at, model_type_named

OmniProcessor = Qwen2_5OmniProcessor | Qwen3OmniMoeProcessor


class Tokens(NamedTuple):
    """Special tokens of media: the placeholder of one feature of each kind, and what opens and closes a medium."""

    image: str
    audio: str
    video: str
    vision_bos: str
    vision_eos: str
    audio_bos: str
    audio_eos: str


class Family(NamedTuple):
    """One family.

    towers: submodules that encode media.
    sound_tokens: mel frames of each sound (100 a second) to how many features the audio tower makes of it.
    shortest_sound: seconds to which a shorter sound is padded with silence.
    """

    named: ModelType
    model: type[PreTrainedModel]
    processor: type[OmniProcessor]
    tokens: Tokens
    towers: Mapping[Tower, str]
    sound_tokens: Callable[[Tensor], Tensor]
    shortest_sound: float


FAMILIES = (
    Family(
        named=QWEN2_5_OMNI,
        model=Qwen2_5OmniThinkerForConditionalGeneration,
        processor=Qwen2_5OmniProcessor,
        tokens=Tokens(
            image="<|IMAGE|>",
            audio="<|AUDIO|>",
            video="<|VIDEO|>",
            vision_bos="<|vision_bos|>",
            vision_eos="<|vision_eos|>",
            audio_bos="<|audio_bos|>",
            audio_eos="<|audio_eos|>",
        ),
        towers={"vision": "model.visual", "audio": "model.audio_tower"},
        # One convolution of stride 2, then pairs are averaged.
        sound_tokens=lambda frames: ((frames - 1) // 2 + 1) // 2,
        # Fewer frames would give no token.
        shortest_sound=0.1,
    ),
    Family(
        named=QWEN3_OMNI,
        model=Qwen3OmniMoeThinkerForConditionalGeneration,
        processor=Qwen3OmniMoeProcessor,
        tokens=Tokens(
            image="<|image_pad|>",
            audio="<|audio_pad|>",
            video="<|video_pad|>",
            vision_bos="<|vision_start|>",
            vision_eos="<|vision_end|>",
            audio_bos="<|audio_start|>",
            audio_eos="<|audio_end|>",
        ),
        towers={"vision": "model.visual", "audio": "model.audio_tower"},
        # Each second by itself, through three convolutions of stride 2: 100 frames give 13.
        sound_tokens=lambda frames: frames // 100 * 13 + (frames % 100 + 7) // 8,
        # A second that is cut off is padded to the longest of its batch before the convolutions, whose biases reach
        # into it: only sounds that hold one whole second come out alike alone and in a batch.
        shortest_sound=1.0,
    ),
)


def family_at(folder: Path) -> Family:
    """The family of a checkpoint. Raises UserError for a folder that is none, or of a family not known."""
    return _family(model_type_at(folder))


def family_named(model_type: object) -> Family:
    """The family of a `model_type`. Raises UserError for one not known."""
    return _family(model_type_named(model_type))


def _family(named: ModelType) -> Family:
    return next(family for family in FAMILIES if family.named == named)


def family_of(processor: OmniProcessor) -> Family:
    """The family that a processor belongs to."""
    return next(family for family in FAMILIES if isinstance(processor, family.processor))
