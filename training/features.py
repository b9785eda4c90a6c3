"""Media to model tensors: each medium alone, decoded and processed once.

Every clip goes through the official processor by itself with its own true frame rate, because the processor takes
one rate for a whole batch. What comes back is cached by digest, stretch and view, bounded in bytes.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from transformers import Qwen2_5OmniProcessor

from media.blobs import blob_path
from media.frames import GREY, Frames, sample_frames
from media.picture import read_picture
from media.waveform import SAMPLE_RATE, muted, read_waveform, silence
from schemas.example import Media
from schemas.training import MediaSettings, View
from training.prompts import Part

SHORTEST_SOUND = SAMPLE_RATE // 10
"""Samples; shorter sounds are padded with silence, since fewer would give the audio tower no token."""


class Features(NamedTuple):
    """One medium as a model takes it: its placeholder tokens, and its tensors by the model's argument names."""

    ids: tuple[int, ...]
    tensors: dict[str, Tensor]


class FeatureReader:
    """Reads parts of prompts into features, keeping up to `cache_bytes` of them. Raises media.errors.MediaError."""

    def __init__(
        self,
        processor: Qwen2_5OmniProcessor,
        settings: MediaSettings,
        blobs: Path,
        cache_bytes: int = 2 << 30,
    ) -> None:
        self._processor, self._settings, self._blobs = processor, settings, blobs
        self._cache: OrderedDict[tuple[Part, View], Features] = OrderedDict()
        self._room = cache_bytes

    def read(self, part: Part, view: View) -> Features:
        key = (part, view)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        features = self._compute(part, view)
        self._keep(key, features)
        return features

    def _keep(self, key: tuple[Part, View], features: Features) -> None:
        self._cache[key] = features
        self._room -= _size(features)
        while self._room < 0 and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._room += _size(dropped)

    def _compute(self, part: Part, view: View) -> Features:
        if part.kind == "image":
            return self._picture(part.medium, view)
        if part.kind == "audio":
            sound = self._sound(part.medium, view)
            return self._features(self._processor.audio_token, audio=[_long_enough(sound)])
        return self._video(part.medium, view)

    def _picture(self, medium: Media, view: View) -> Features:
        pixels = read_picture(self._path(medium))
        pixels = np.full_like(pixels, GREY) if view == "blind" else pixels
        return self._features(self._processor.image_token, images=[pixels])

    def _video(self, medium: Media, view: View) -> Features:
        frames = sample_frames(
            self._path(medium), self._settings.fps, self._settings.max_frames, medium.start, medium.end
        )
        frames = frames.blind() if view == "blind" else frames
        if self._settings.audio == "separate":
            return self._clip(frames)
        return self._clip(frames, self._sound(medium, view, frames.seconds))

    def _clip(self, frames: Frames, sound: np.ndarray | None = None) -> Features:
        heard = {}
        if sound is not None:
            heard = {
                "audio": [_long_enough(sound)],
                "audio_from_video_indices": [0],
                "load_audio_from_video": True,
            }
        return self._features(self._processor.video_token, videos=[frames.pixels], fps=frames.fps, **heard)

    def _sound(self, medium: Media, view: View, seconds: float | None = None) -> np.ndarray:
        """Samples of a medium; a clip without a sound track is `seconds` of silence."""
        longest = min(self._settings.max_audio_seconds, float(self._processor.feature_extractor.chunk_length))
        samples = read_waveform(self._path(medium), longest, medium.start, medium.end)
        if samples is None:
            return silence(min(longest, seconds or medium.duration or 0.0))
        return muted(samples, medium.digest) if view == "muted" else samples

    def _features(self, placeholder: str, **media: object) -> Features:
        size = {"shortest_edge": self._settings.min_pixels, "longest_edge": self._settings.max_pixels}
        # The processor has a default size of its own that overrides the video processor's: always name it.
        batch = cast(Any, self._processor)(
            text=placeholder,
            return_tensors="pt",
            images_kwargs={"size": size},
            videos_kwargs={"size": size, "do_sample_frames": False},
            **media,
        )
        ids = tuple(batch.pop("input_ids")[0].tolist())
        batch.pop("attention_mask")
        return Features(ids, _trimmed(dict(batch)))

    def _path(self, medium: Media) -> Path:
        return blob_path(self._blobs, medium.digest)


def _long_enough(samples: np.ndarray) -> np.ndarray:
    return np.pad(samples, (0, max(0, SHORTEST_SOUND - len(samples))))


def _trimmed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sound without its padding: the extractor pads to 30 or 300 s, 15 MB a clip, which the mask hides anyway."""
    if "video_second_per_grid" in tensors:
        tensors["video_second_per_grid"] = torch.as_tensor(tensors["video_second_per_grid"], dtype=torch.float32)
    if "feature_attention_mask" in tensors:
        length = int(tensors["feature_attention_mask"].sum())
        tensors["input_features"] = tensors["input_features"][..., :length].clone()
        tensors["feature_attention_mask"] = tensors["feature_attention_mask"][..., :length].clone()
    return tensors


def _size(features: Features) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in features.tensors.values())
