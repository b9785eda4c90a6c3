"""Writes golden_pixels.npz: patches that the official Qwen2VLVideoProcessor makes of the videos below.

It needs torchvision, which the project does without, so it runs in an environment of its own:

    python -m venv /tmp/official
    /tmp/official/bin/pip install torch==2.13.0 torchvision==0.28.0 transformers==5.23.0 pillow
    PYTHONPATH=. /tmp/official/bin/python tests/training/make_golden_pixels.py
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

GOLDEN = Path(__file__).with_name("golden_pixels.npz")
KEPT = (slice(None, None, 5), slice(None, None, 13))
"""Every fifth patch, and every thirteenth of its values: enough to see any change, small enough to commit."""


class Case(NamedTuple):
    """A video of noise and gradients, and the bounds of its frames in pixels."""

    frames: int
    height: int
    width: int
    least: int
    most: int


CASES = {
    "grown": Case(2, 20, 30, 56 * 56, 112 * 112),
    "shrunk": Case(4, 240, 136, 28 * 28, 100 * 100),
    "as it is": Case(2, 56, 84, 28 * 28, 112 * 112),
    "odd number of frames": Case(3, 90, 120, 56 * 56, 84 * 84),
    "wide": Case(2, 30, 400, 28 * 28, 112 * 112),
}


def video(case: Case) -> np.ndarray:
    """uint8, frames x height x width x RGB."""
    rng = np.random.default_rng([case.frames, case.height, case.width])
    noise = rng.integers(0, 120, (case.frames, case.height, case.width, 3))
    slope = np.linspace(0, 135, case.width)[None, None, :, None]
    return (noise + slope).astype(np.uint8)


def main() -> None:
    """Ask the official class. Beside a CPU torch, torchvision needs two operators to be declared before import."""
    import torch

    if torch.version.cuda is None:
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
    from transformers import Qwen2VLVideoProcessor

    golden = {}
    for name, case in CASES.items():
        size = {"shortest_edge": case.least, "longest_edge": case.most}
        made = Qwen2VLVideoProcessor()(videos=[video(case)], size=size, do_sample_frames=False, return_tensors="pt")
        golden[f"{name}/grid"] = made["video_grid_thw"].numpy()
        golden[f"{name}/patches"] = made["pixel_values_videos"].numpy()[KEPT]
    np.savez_compressed(GOLDEN, **golden)


if __name__ == "__main__":
    main()
