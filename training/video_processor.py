"""Frames to patches without torchvision, one path on CPU and GPU machines.

The arithmetic is that of Qwen2VLVideoProcessor of transformers 5.23: bicubic resizing of 8-bit pixels with
antialiasing, normalisation, then patches of 2 frames x 14 x 14 pixels in the order in which 2 x 2 neighbours merge.
`tests/training/test_video_processor.py` holds it to tensors that the official class produced.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import BatchFeature
from transformers.processing_utils import VideosKwargs
from transformers.video_processing_utils import VideoProcessorMixin

OFFICIAL_NAME = "Qwen2VLVideoProcessor"
DEFAULTS: dict[str, Any] = {
    "size": {"shortest_edge": 128 * 28 * 28, "longest_edge": 768 * 28 * 28},
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "patch_size": 14,
    "temporal_patch_size": 2,
    "merge_size": 2,
}


class PatchKwargs(VideosKwargs, total=False):
    """What a saved configuration of the official class may name beside the usual video settings."""

    patch_size: int
    temporal_patch_size: int
    merge_size: int
    min_frames: int
    max_frames: int
    min_pixels: int
    max_pixels: int
    cap_pixels_per_frame: bool
    max_video_tokens: int


class PatchVideoProcessor(VideoProcessorMixin):
    """Stands in for Qwen2VLVideoProcessor; saved under that name, so that the official loader reads it."""

    valid_kwargs = PatchKwargs
    model_input_names = ["pixel_values_videos", "video_grid_thw"]
    patch_size: int
    temporal_patch_size: int
    merge_size: int
    image_mean: list[float]
    image_std: list[float]
    size: dict[str, int]

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        for name, value in {**DEFAULTS, **settings}.items():
            setattr(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "video_processor_type": OFFICIAL_NAME}

    def preprocess(  # type: ignore[override]  size is named, because it decides everything here
        self, videos: Any, size: dict[str, int] | None = None, **settings: Any
    ) -> BatchFeature:
        """Videos of uint8 pixels (frames, height, width, RGB) to `pixel_values_videos` (patches, 3*2*14*14) and
        `video_grid_thw` (videos, 3). size: `shortest_edge` and `longest_edge`, the least and most pixels a frame.
        """
        if settings.get("do_sample_frames"):
            raise ValueError("frames are sampled before they come here: pass do_sample_frames=False")
        bounds = dict(size or self.size)
        patched = [self._patches(_channels_first(video), bounds) for video in _each(videos)]
        return BatchFeature(
            {
                "pixel_values_videos": torch.cat([patches for patches, _ in patched]),
                "video_grid_thw": torch.tensor([grid for _, grid in patched]),
            }
        )

    def _patches(self, frames: Tensor, bounds: dict[str, int]) -> tuple[Tensor, list[int]]:
        height, width = frame_size(
            frames.shape[-2],
            frames.shape[-1],
            self.patch_size * self.merge_size,
            bounds["shortest_edge"],
            bounds["longest_edge"],
        )
        if (height, width) != tuple(frames.shape[-2:]):
            frames = interpolate(frames, (height, width), mode="bicubic", antialias=True, align_corners=False)
        return self._flatten(self._normalise(frames))

    def _normalise(self, frames: Tensor) -> Tensor:
        mean = torch.tensor(self.image_mean)[:, None, None]
        deviation = torch.tensor(self.image_std)[:, None, None]
        return (frames.float() - mean * 255) / (deviation * 255)

    def _flatten(self, frames: Tensor) -> tuple[Tensor, list[int]]:
        side, merge, depth = self.patch_size, self.merge_size, self.temporal_patch_size
        if missing := -len(frames) % depth:
            frames = torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])
        count, channels, height, width = frames.shape
        grid = [count // depth, height // side, width // side]
        tiles = frames.view(grid[0], depth, channels, grid[1] // merge, merge, side, grid[2] // merge, merge, side)
        ordered = tiles.permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
        return ordered.reshape(math.prod(grid), channels * depth * side * side), grid


def frame_size(height: int, width: int, factor: int, least: int, most: int) -> tuple[int, int]:
    """Height and width after resizing: multiples of `factor`, area within `least` and `most` pixels, aspect ratio
    kept as nearly as that allows. Raises ValueError for a picture more than 200 times as long as wide.
    """
    if max(height, width) > 200 * min(height, width):
        raise ValueError(f"a picture of {width}x{height} pixels is too narrow: its sides differ more than 200 times")
    high, wide = round(height / factor) * factor, round(width / factor) * factor
    if high * wide > most:
        shrink = math.sqrt(height * width / most)
        high = max(factor, math.floor(height / shrink / factor) * factor)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
    elif high * wide < least:
        grow = math.sqrt(least / (height * width))
        high, wide = math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return high, wide


def _each(videos: Any) -> list[Any]:
    return list(videos) if isinstance(videos, (list, tuple)) else [videos]


def _channels_first(video: Any) -> Tensor:
    frames = torch.as_tensor(np.asarray(video))
    return frames.permute(0, 3, 1, 2).contiguous()
