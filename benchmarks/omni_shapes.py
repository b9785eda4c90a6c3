"""Random thinkers of Qwen2.5-Omni's shapes, prompts that fit them, and how much arithmetic they take."""

from typing import Any, NamedTuple, cast

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
)

from training.families import FAMILIES
from training.inputs import Inputs
from training.tiny import make_tokenizer

FAMILY = FAMILIES[0]
PATCH = 3 * 2 * 14 * 14


class Size(NamedTuple):
    """A model's configuration, and what one prompt holds: frames of side x side patches, seconds of sound, words."""

    text: dict[str, Any]
    vision: dict[str, Any]
    audio: dict[str, Any]
    frames: int
    side: int
    seconds: int
    words: int


SIZES = {
    "tiny": Size(
        text={
            "vocab_size": 1024,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]},
        },
        vision={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 4,
            "out_hidden_size": 128,
            "fullatt_block_indexes": [1],
        },
        audio={
            "encoder_layers": 2,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 128,
            "d_model": 64,
            "output_dim": 128,
            "n_window": 100,
            "max_source_positions": 1500,
        },
        frames=4,
        side=4,
        seconds=1,
        words=20,
    ),
    "7b": Size(
        text={
            "vocab_size": 152_064,
            "hidden_size": 3584,
            "intermediate_size": 18_944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "max_position_embeddings": 32_768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        vision={
            "depth": 32,
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "num_heads": 16,
            "out_hidden_size": 3584,
            "fullatt_block_indexes": [7, 15, 23, 31],
        },
        audio={
            "encoder_layers": 32,
            "encoder_attention_heads": 20,
            "encoder_ffn_dim": 5120,
            "d_model": 1280,
            "output_dim": 3584,
            "n_window": 100,
            "max_source_positions": 1500,
        },
        frames=32,
        side=20,
        seconds=16,
        words=200,
    ),
}


def build(
    size: Size, device: torch.device, dtype: torch.dtype, attention: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A random thinker on `device`, and a small tokenizer whose special tokens it knows."""
    tokenizer = make_tokenizer(["a square moves to the left ."], 400, FAMILY.tokens)
    ids = token_ids(tokenizer)
    config = cast(Any, Qwen2_5OmniThinkerConfig)(  # it reads fields that it does not declare
        text_config={**size.text, "tie_word_embeddings": False},
        vision_config=size.vision,
        audio_config=size.audio,
        audio_token_index=ids["audio"],
        image_token_index=ids["image"],
        video_token_index=ids["video"],
        audio_start_token_id=ids["audio_bos"],
        audio_end_token_id=ids["audio_eos"],
        vision_start_token_id=ids["vision_bos"],
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    with device:
        model = cast(Any, Qwen2_5OmniThinkerForConditionalGeneration)._from_config(
            config, dtype=dtype, attn_implementation=attention
        )
    return model.train(), tokenizer


def token_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """By the role that a token has around media."""
    return {role: cast(int, tokenizer.convert_tokens_to_ids(token)) for role, token in FAMILY.tokens._asdict().items()}


def prompt(size: Size, tokenizer: PreTrainedTokenizerBase, number: int) -> Inputs:
    """A video, its sound after it, and words; noise, another for each number."""
    noise = torch.Generator().manual_seed(number)
    grid, frames = [size.frames // 2, size.side, size.side], size.seconds * 100
    patches = grid[0] * grid[1] * grid[2]
    ids = {
        role: int(cast(Any, tokenizer).convert_tokens_to_ids(token)) for role, token in FAMILY.tokens._asdict().items()
    }
    heard = int(FAMILY.sound_tokens(torch.tensor(frames)))
    words = torch.randint(20, len(tokenizer), (size.words,), generator=noise).tolist()
    return Inputs(
        id=str(number),
        prompt="",
        ids=(
            *(ids["vision_bos"], *[ids["video"]] * (patches // 4), ids["vision_eos"]),
            *(ids["audio_bos"], *[ids["audio"]] * heard, ids["audio_eos"], *words),
        ),
        tensors={
            "pixel_values_videos": torch.randn(patches, PATCH, generator=noise),
            "video_grid_thw": torch.tensor([grid]),
            "video_second_per_grid": torch.ones(1),
            "input_features": torch.randn(1, 128, frames, generator=noise),
            "feature_attention_mask": torch.ones(1, frames, dtype=torch.long),
        },
        interleaved=False,
    )


class Arithmetic(NamedTuple):
    """Floating-point operations of one forward pass. text: of the language model's layers. head: of the scored tokens.
    towers: of both encoders. Norms, activations and the towers' attention are left out, so it is a little too low."""

    text: float
    head: float
    towers: float


def arithmetic(model: PreTrainedModel, inputs: Inputs, length: int) -> Arithmetic:
    """Of one prompt with a completion of `length` tokens."""
    tokens, text = len(inputs.ids) + length, model.config.get_text_config()
    attention = 2 * tokens**2 * text.hidden_size * text.num_hidden_layers  # two products, halved by causality
    patches, frames = len(inputs.tensors["pixel_values_videos"]), inputs.tensors["feature_attention_mask"].numel()
    return Arithmetic(
        text=2 * _weights(model, "language_model.layers") * tokens + attention,
        head=2 * text.vocab_size * text.hidden_size * length,
        towers=2 * (_weights(model, "visual") * patches + _weights(model, "audio_tower.layers") * frames / 2),
    )


def _weights(model: PreTrainedModel, part: str) -> int:
    return sum(
        weight.numel()
        for name, weight in model.named_parameters()
        if part in name and weight.ndim > 1 and "lora_" not in name
    )
