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
from transformers import BatchFeature
from transformers.processing_utils import VideosKwargs
from transformers.video_processing_utils import VideoProcessorMixin

from training.resizing import Bounds, frame_size, resized

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
        `video_grid_thw` (videos, 3). size: `shortest_edge` and `longest_edge`, the least and most pixels a frame;
        with `do_resize=False` frames are taken in the size that they have.
        """
        if settings.get("do_sample_frames"):
            raise ValueError("frames are sampled before they come here: pass do_sample_frames=False")
        bounds = dict(size or self.size) if settings.get("do_resize", True) else None
        patched = [self._patches(torch.as_tensor(np.asarray(video)), bounds) for video in _each(videos)]
        return BatchFeature(
            {
                # A clip may take hundreds of megabytes: one alone is not copied.
                "pixel_values_videos": patched[0][0] if len(patched) == 1 else torch.cat([one for one, _ in patched]),
                "video_grid_thw": torch.tensor([grid for _, grid in patched]),
            }
        )

    def _patches(self, frames: Tensor, size: dict[str, int] | None) -> tuple[Tensor, list[int]]:
        if size is not None:
            bounds = Bounds(
                factor=self.patch_size * self.merge_size, least=size["shortest_edge"], most=size["longest_edge"]
            )
            _, height, width, _ = frames.shape
            frames = resized(frames, frame_size(height, width, bounds))
        patches, grid = self._cut(frames)
        return self._normalised(patches), grid

    def _cut(self, frames: Tensor) -> tuple[Tensor, list[int]]:
        """Patches of bytes, cut before they become numbers of four bytes each."""
        side, merge, depth = self.patch_size, self.merge_size, self.temporal_patch_size
        if missing := -len(frames) % depth:
            frames = torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])
        count, height, width, channels = frames.shape
        grid = [count // depth, height // side, width // side]
        tiles = frames.reshape(grid[0], depth, grid[1] // merge, merge, side, grid[2] // merge, merge, side, channels)
        ordered = tiles.permute(0, 2, 5, 3, 6, 8, 1, 4, 7)
        return ordered.reshape(math.prod(grid), channels, depth * side * side), grid

    def _normalised(self, patches: Tensor) -> Tensor:
        mean = torch.tensor(self.image_mean)[:, None]
        deviation = torch.tensor(self.image_std)[:, None]
        return patches.float().sub_(mean * 255).div_(deviation * 255).flatten(1)


def _each(videos: Any) -> list[Any]:
    return list(videos) if isinstance(videos, (list, tuple)) else [videos]
