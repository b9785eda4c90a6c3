"""What stands out in frames: one compact coloured shape on a dull background, or else a picture as a whole.

Everything is measured: chroma (largest minus smallest of R, G and B) says what stands out, hue names its
colour, and the path of its centre says where it moves. Frames are uint8 [frames, height, width, 3].
"""

from typing import Literal, NamedTuple

import numpy as np

Motion = Literal["left", "right", "up", "down", "still", "moving"]

VIVID = 70
"""Least chroma (of 255) of a pixel that stands out."""
DULL = 45
"""Largest median chroma of a picture that something can stand out from."""
LONGEST_SIDE = 96
HUES = (
    (15, "red"),
    (40, "orange"),
    (72, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (258, "blue"),
    (295, "purple"),
)
"""Upper ends of the hue ranges, in degrees; pink up to 345, then red again."""


class Shown(NamedTuple):
    """A colour and when it is shown, in seconds."""

    colour: str
    start: float
    end: float


def shrink(frames: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that no side is much longer than 96: measuring needs no more."""
    step = max(1, max(frames.shape[1:3]) // LONGEST_SIDE)
    return frames[:, ::step, ::step]


def find_shape(frames: np.ndarray) -> np.ndarray | None:
    """The pixels of one compact vivid shape, bool [frames, height, width]; None where there is none."""
    chroma = np.ptp(frames.astype(np.int16), axis=-1)
    vivid = chroma > VIVID
    covered = vivid.mean(axis=(1, 2))
    if np.median(chroma) > DULL or not 0.004 < np.median(covered) < 0.35:
        return None
    compact = np.mean([_is_compact(mask) for mask in vivid])
    return vivid if compact >= 0.8 else None


def colour_runs(frames: np.ndarray, mask: np.ndarray, seconds: float) -> tuple[Shown, ...]:
    """Colours of the masked pixels in time order; one of a single frame among many is noise."""
    names = [_hue_name(pixels[inside]) for pixels, inside in zip(frames, mask, strict=True) if inside.any()]
    runs: list[list[int]] = []
    for index, name in enumerate(names):
        if runs and names[runs[-1][0]] == name:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    shortest = 2 if len(names) >= 8 else 1
    step = seconds / max(1, len(names))
    kept = [Shown(names[start], start * step, end * step) for start, end in runs if end - start >= shortest]
    return tuple(_joined(kept))


def shape_motion(mask: np.ndarray) -> Motion:
    """Where the centre of the shape goes; a steady way of an eighth of the picture has a direction."""
    centres = np.array([np.argwhere(inside).mean(axis=0) for inside in mask if inside.any()])
    if len(centres) < 3:
        return "still"
    time = np.arange(len(centres))
    ways = [np.polyfit(time, centres[:, axis], 1)[0] * time[-1] / mask.shape[1 + axis] for axis in (0, 1)]
    axis = int(abs(ways[1]) > abs(ways[0]))
    if abs(ways[axis]) < 0.125:
        return "still" if centres.std(axis=0).max() / max(mask.shape[1:]) < 0.05 else "moving"
    if abs(np.corrcoef(time, centres[:, axis])[0, 1]) < 0.9:
        return "moving"
    return (("up", "down"), ("left", "right"))[axis][int(ways[axis] > 0)]  # type: ignore[return-value]


def picture_motion(frames: np.ndarray) -> Motion:
    """Whether the picture as a whole changes: mean change of a pixel from frame to frame above 2 of 255."""
    changes = np.abs(np.diff(frames.astype(np.int16), axis=0))
    return "moving" if changes.size and changes.mean() > 2 else "still"


def picture_tint(frames: np.ndarray) -> str:
    """The colour of the picture as a whole: brightness where it is marked, and the hue of its mean colour."""
    mean = frames.reshape(-1, 3).mean(axis=0)
    light = float(mean.mean())
    hue = "grey" if np.ptp(mean) < 12 else _hue_name(mean[None])
    tint = "brown" if hue in ("orange", "yellow", "red") and light < 140 else hue
    return "dark " * (light < 70) + "bright " * (light > 180) + tint


def _is_compact(mask: np.ndarray) -> bool:
    """Is it one blob? Its mean squared distance from the centre is 0.16 area (disc), 0.17 (square)."""
    points = np.argwhere(mask)
    return len(points) > 3 and float(points.var(axis=0).sum()) < 0.35 * len(points)


def _hue_name(pixels: np.ndarray) -> str:
    """Name of the commonest hue of pixels [n, 3]."""
    values = pixels.astype(float)
    high, low = values.max(axis=1), values.min(axis=1)
    spread = np.maximum(high - low, 1e-6)
    red, green, blue = values.T
    sixth = np.select(
        [high == red, high == green],
        [(green - blue) / spread % 6, (blue - red) / spread + 2],
        (red - green) / spread + 4,
    )
    bounds = [bound for bound, _ in HUES] + [345]
    names = [name for _, name in HUES] + ["pink", "red"]
    found = np.bincount(np.searchsorted(bounds, sixth * 60), weights=spread, minlength=len(names))
    found[0] += found[-1]
    return names[int(found[:-1].argmax())]


def _joined(runs: list[Shown]) -> list[Shown]:
    joined: list[Shown] = []
    for run in runs:
        if joined and joined[-1].colour == run.colour:
            joined[-1] = joined[-1]._replace(end=run.end)
        else:
            joined.append(run)
    return joined
