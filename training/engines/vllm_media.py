"""Encoded prompts as vLLM's engine takes them: our token ids, our tensors, and where in the ids each medium lies.

vLLM is given what the trainer computed and processes no media itself, so both see the same frames, placeholders and
positions. Written against vLLM 0.28 to 0.31 (`vllm.inputs.mm_input`, `vllm.multimodal.inputs`) and never run against
it: no test here has seen vLLM. For Qwen2.5-Omni alone.
"""

import hashlib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from transformers import BatchFeature

from schemas.values import UserError
from training.families import OmniProcessor, family_of
from training.inputs import Inputs
from training.model_types import QWEN2_5_OMNI


@dataclass(frozen=True)
class Medium:
    """One medium in a prompt. start, length: its stretch of token ids. embedded: which of these are its own features;
    in a video with its sound inside, the others are the sound's. digest: of its tensors.
    """

    start: int
    length: int
    embedded: tuple[bool, ...]
    digest: str


def vllm_module(name: str) -> ModuleType:
    """A module of vLLM. Raises UserError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"rollouts.engine vllm needs vLLM 0.28 to 0.31 beside this package: {error}") from None


def engine_prompt(inputs: Inputs, processor: OmniProcessor) -> Any:
    """What `LLM.generate` takes for one prompt."""
    media = placed(inputs, processor)
    if not media:
        return {"prompt_token_ids": list(inputs.ids)}
    kinds = vllm_module("vllm.multimodal.inputs")
    return vllm_module("vllm.inputs").mm_input(
        prompt_token_ids=list(inputs.ids),
        mm_kwargs=kwargs_items(inputs),
        mm_hashes={kind: [medium.digest for medium in found] for kind, found in media.items()},
        mm_placeholders={
            kind: [
                kinds.PlaceholderRange(
                    offset=medium.start, length=medium.length, is_embed=torch.tensor(medium.embedded)
                )
                for medium in found
            ]
            for kind, found in media.items()
        },
    )


def kwargs_items(inputs: Inputs) -> Any:
    """The media's tensors under vLLM's names, cut into one part a medium."""
    kinds = vllm_module("vllm.multimodal.inputs")
    tensors, field = _renamed(inputs), kinds.MultiModalFieldConfig
    sizes = {name: _patches(inputs, name) for name in ("image_grid_thw", "video_grid_thw")}
    fields = {
        "input_audio_features": lambda: field.flat_from_sizes("audio", tensors["audio_feature_lengths"], dim=1),
        "feature_attention_mask": lambda: field.batched("audio"),
        "audio_feature_lengths": lambda: field.batched("audio"),
        "pixel_values": lambda: field.flat_from_sizes("image", torch.tensor(sizes["image_grid_thw"])),
        "image_grid_thw": lambda: field.batched("image"),
        "pixel_values_videos": lambda: field.flat_from_sizes("video", torch.tensor(sizes["video_grid_thw"])),
        "video_grid_thw": lambda: field.batched("video"),
        "second_per_grid_ts": lambda: field.batched("video"),
        "use_audio_in_video": lambda: field.shared("video", len(sizes["video_grid_thw"])),
    }
    return kinds.MultiModalKwargsItems.from_hf_inputs(BatchFeature(tensors), {name: fields[name]() for name in tensors})


def placed(inputs: Inputs, processor: OmniProcessor) -> dict[str, list[Medium]]:
    """The media of a prompt by kind, in the order of their features. Raises UserError for a family that vLLM is not
    given here."""
    family = family_of(processor)
    if family.named != QWEN2_5_OMNI:
        raise UserError(
            f"rollouts.engine vllm is written for Qwen2.5-Omni, not for {family.named.title}: use transformers"
        )
    merged = processor.video_processor.merge_size**2
    frames = inputs.tensors.get("feature_attention_mask", torch.zeros(0, 0)).sum(-1).long()
    features = {
        "image": (processor.image_token_id, [size // merged for size in _patches(inputs, "image_grid_thw")]),
        "video": (processor.video_token_id, [size // merged for size in _patches(inputs, "video_grid_thw")]),
        "audio": (processor.audio_token_id, family.sound_tokens(frames).tolist()),
    }
    closing = processor.tokenizer.convert_tokens_to_ids(family.tokens.audio_eos) if inputs.interleaved else None
    return {
        kind: _stretches(inputs, kind, token, counts, closing if kind == "video" else None)
        for kind, (token, counts) in features.items()
        if counts
    }


def _stretches(inputs: Inputs, kind: str, token: int, counts: Sequence[int], closing: int | None) -> list[Medium]:
    """closing: the token that ends a video with its sound inside, which its bracket opens one place before."""
    places = [place for place, id in enumerate(inputs.ids) if id == token]
    found = []
    for digest, (first, end) in zip(_digests(inputs, kind), pairwise(accumulate(counts, initial=0)), strict=True):
        own = set(places[first:end])
        start, stop = places[first], places[end - 1] + 1
        if closing is not None:
            start, stop = start - 1, inputs.ids.index(closing, stop) + 1
        found.append(Medium(start, stop - start, tuple(place in own for place in range(start, stop)), digest))
    return found


def _digests(inputs: Inputs, kind: str) -> list[str]:
    if kind == "audio":
        parts = list(inputs.tensors["input_features"])
    elif kind == "image":
        parts = inputs.tensors["pixel_values"].split(_patches(inputs, "image_grid_thw"))
    else:
        parts = inputs.tensors["pixel_values_videos"].split(_patches(inputs, "video_grid_thw"))
    return [hashlib.sha256(part.contiguous().numpy().tobytes()).hexdigest() for part in parts]


def _patches(inputs: Inputs, grid: str) -> list[int]:
    return inputs.tensors.get(grid, torch.zeros(0, 3, dtype=torch.long)).prod(-1).tolist()


def _renamed(inputs: Inputs) -> dict[str, Tensor]:
    tensors = dict(inputs.tensors)
    if "input_features" in tensors:
        mask = tensors["feature_attention_mask"].bool()
        tensors["input_audio_features"] = tensors.pop("input_features").permute(0, 2, 1)[mask].permute(1, 0)
        tensors["audio_feature_lengths"] = mask.sum(-1)
    if "video_second_per_grid" in tensors:
        tensors["second_per_grid_ts"] = tensors.pop("video_second_per_grid")
    if "video_grid_thw" in tensors:
        tensors["use_audio_in_video"] = torch.tensor(inputs.interleaved)
    return tensors
