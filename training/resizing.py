"""How large a frame is shown to a model, and making it so. torch alone, so that decoding processes start quickly.

Bicubic with antialiasing on 8-bit pixels, each frame by itself: the same bits whatever other frames there are.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from schemas.values import Value


class Bounds(Value):
    """What a frame's size has to keep to. factor: pixels of which both sides are multiples. least, most: its area."""

    factor: int
    least: int
    most: int


def frame_size(height: int, width: int, bounds: Bounds) -> tuple[int, int]:
    """Height and width after resizing: aspect ratio kept as nearly as the bounds allow.

    Raises ValueError for a picture more than 200 times as long as wide.
    """
    if max(height, width) > 200 * min(height, width):
        raise ValueError(f"a picture of {width}x{height} pixels is too narrow: its sides differ more than 200 times")
    factor, least, most = bounds.factor, bounds.least, bounds.most
    high, wide = round(height / factor) * factor, round(width / factor) * factor
    if high * wide > most:
        shrink = math.sqrt(height * width / most)
        high = max(factor, math.floor(height / shrink / factor) * factor)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
    elif high * wide < least:
        grow = math.sqrt(least / (height * width))
        high, wide = math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return high, wide


def resized(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Frames in another size, or themselves where they have it: uint8, (frames, height, width, RGB)."""
    if tuple(frames.shape[1:3]) == size:
        return frames
    made = torch.empty((len(frames), *size, frames.shape[3]), dtype=torch.uint8)
    for number, frame in enumerate(frames):
        planes = frame.permute(2, 0, 1)[None]
        scaled = interpolate(planes, size, mode="bicubic", antialias=True, align_corners=False)
        made[number] = scaled[0].permute(1, 2, 0)
    return made
