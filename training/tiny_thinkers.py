"""Configurations of tiny thinkers: the official architectures with few and narrow layers, one function a family.

Ratios follow the real models: three eighths (Qwen2.5) or five sixteenths (Qwen3) of the rotary half go to each of
height and width, one vision layer sees whole frames, and Qwen3's experts are half as wide as a dense layer.
"""

from typing import Any, cast

from transformers import PreTrainedConfig

from training.families import OmniProcessor, family_of
from training.tiny_params import TinyParams

# What the real picture and video processors are told beside the defaults of their class.
PIXELS: dict[str, dict[str, Any]] = {
    "qwen2_5_omni": {},
    "qwen3_omni_moe": {"patch_size": 16, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]},
}


def thinker_config(processor: OmniProcessor, params: TinyParams) -> PreTrainedConfig:
    """The configuration of a thinker that fits a processor: its vocabulary and its special tokens."""
    fields = {"qwen2_5_omni": _qwen2_5, "qwen3_omni_moe": _qwen3}[params.family](processor, params)
    tokenizer = processor.tokenizer
    return cast(Any, family_of(processor).model.config_class)(
        **fields,
        audio_start_token_id=_id(processor, "audio_bos"),
        audio_end_token_id=_id(processor, "audio_eos"),
        # Not a declared field, but the model reads it to place pictures and videos.
        vision_start_token_id=_id(processor, "vision_bos"),
        initializer_range=params.spread,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def _qwen2_5(processor: OmniProcessor, params: TinyParams) -> dict[str, Any]:
    return {
        "text_config": {**_text(processor, params, across=3), "intermediate_size": params.feed_forward},
        "vision_config": {**_vision(params), "fullatt_block_indexes": [params.vision_layers - 1]},
        "audio_config": {**_audio(params), "n_window": params.sound_seconds * 100},
        "audio_token_index": processor.audio_token_id,
        "image_token_index": processor.image_token_id,
        "video_token_index": processor.video_token_id,
    }


def _qwen3(processor: OmniProcessor, params: TinyParams) -> dict[str, Any]:
    experts = {
        "num_experts": params.experts,
        "num_experts_per_tok": params.experts_per_token,
        "moe_intermediate_size": params.feed_forward // 2,
    }
    return {
        "text_config": {**_text(processor, params, across=2.5), **experts},
        # Features of the first layer are added to the text's first layer; positions are learnt on a grid of 16 x 16.
        "vision_config": {**_vision(params), "deepstack_visual_indexes": [0], "num_position_embeddings": 256},
        "audio_config": {**_audio(params), "downsample_hidden_size": 16},
        "audio_token_id": processor.audio_token_id,
        "image_token_id": processor.image_token_id,
        "video_token_id": processor.video_token_id,
        # The class's default of 25 is not the real model's; the processor interleaves sound at 13 a second.
        "position_id_per_seconds": 13,
    }


def _text(processor: OmniProcessor, params: TinyParams, across: float) -> dict[str, Any]:
    """across: eighths of the rotary half for each of height and width; time has the rest."""
    turned = params.hidden // params.heads // 2
    side = int(turned * across / 8)
    return {
        "vocab_size": len(processor.tokenizer),
        "hidden_size": params.hidden,
        "num_hidden_layers": params.layers,
        "num_attention_heads": params.heads,
        "num_key_value_heads": params.key_value_heads,
        "max_position_embeddings": 4096,
        "initializer_range": params.spread,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": params.rope_theta,
            "mrope_section": [turned - 2 * side, side, side],
        },
    }


def _vision(params: TinyParams) -> dict[str, Any]:
    return {
        "depth": params.vision_layers,
        "hidden_size": params.vision_hidden,
        "intermediate_size": params.vision_hidden * 2,
        "num_heads": 4,
        "out_hidden_size": params.hidden,
        "initializer_range": params.spread,
    }


def _audio(params: TinyParams) -> dict[str, Any]:
    return {
        "encoder_layers": params.audio_layers,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": params.audio_hidden * 2,
        "d_model": params.audio_hidden,
        "output_dim": params.hidden,
        "max_source_positions": 1500,
        "initializer_range": params.spread,
    }


def _id(processor: OmniProcessor, role: str) -> int:
    return processor.tokenizer.convert_tokens_to_ids(getattr(family_of(processor).tokens, role))
