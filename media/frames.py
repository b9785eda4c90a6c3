"""Frames of a video, spread evenly over a stretch of it.

A clip that would need more than `max_frames` is sampled more thinly, so every `Frames` carries the rate at which
it was really sampled: time in the model is derived from that rate, and a fixed one is wrong from 16 s on.
"""

import re
from pathlib import Path
from typing import NamedTuple

import av
import decord
import numpy as np
from av.error import FFmpegError

from media.errors import MediaError

decord.logging.set_level(decord.logging.QUIET)

GREY = 128
"""Level of the flat frames that stand for pictures in a blind view."""


class Frames(NamedTuple):
    """pixels: uint8, frames x height x width x RGB, an even number of frames. fps: sampled frames per second.

    seconds: length of the sampled stretch.
    """

    pixels: np.ndarray
    fps: float
    seconds: float

    def blind(self) -> "Frames":
        """The same stretch with nothing to see: flat grey frames of the same shape."""
        return self._replace(pixels=np.full_like(self.pixels, GREY))


class Stretch(NamedTuple):
    """Which frames to take, by number, and how many seconds they stand for."""

    chosen: np.ndarray
    seconds: float


def sample_frames(
    path: Path, fps: float, max_frames: int, start: float | None = None, end: float | None = None
) -> Frames:
    """Frames of `path` between `start` and `end` (seconds), at `fps` or as many as `max_frames` allow.

    An even number and at least two, repeated where the stretch has only one. Upright, as the file says it was
    filmed. Raises MediaError.
    """
    try:
        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        stretch = choose(reader.get_frame_timestamp(list(range(len(reader)))), fps, max_frames, start, end)
        pixels = reader.get_batch(stretch.chosen.tolist()).asnumpy()
    except (RuntimeError, decord.DECORDError) as error:
        if "measure duration" in str(error):
            return _without_index(path, fps, max_frames, start, end)
        raise _error(path, error) from error
    except ValueError as error:
        raise _error(path, error) from error
    return Frames(pixels, len(stretch.chosen) / stretch.seconds, stretch.seconds)


def choose(
    shown: np.ndarray, fps: float, max_frames: int, start: float | None = None, end: float | None = None
) -> Stretch:
    """Which frames to take; `shown` is (frames, 2): each from when until when it is shown, in seconds.

    Raises ValueError when the stretch has no frame.
    """
    begin, until = start or 0.0, float(shown[-1, 1] if end is None else min(end, shown[-1, 1]))
    inside = np.flatnonzero((shown[:, 1] > begin) & (shown[:, 0] < until))
    if until <= begin or not len(inside):
        raise ValueError(f"no frames between {begin:g} s and {until:g} s")
    seconds = until - max(begin, float(shown[0, 0]))
    wanted = max(2, min(max_frames, round(seconds * fps)) // 2 * 2)
    return Stretch(inside[np.linspace(0, len(inside) - 1, wanted).round().astype(int)], seconds)


def _without_index(path: Path, fps: float, max_frames: int, start: float | None, end: float | None) -> Frames:
    """For files that do not say how long they are, as browsers record them: decoded once to count, once to take."""
    try:
        with av.open(str(path)) as container:
            times = np.array([float(frame.time or 0.0) for frame in container.decode(video=0)])
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        stretch = choose(np.stack([times, [*times[1:], times[-1] + step]], axis=1), fps, max_frames, start, end)
        pixels = _take(path, stretch.chosen)
    except (FFmpegError, ValueError, IndexError) as error:
        raise _error(path, error) from error
    return Frames(pixels, len(stretch.chosen) / stretch.seconds, stretch.seconds)


def _take(path: Path, chosen: np.ndarray) -> np.ndarray:
    wanted = set(chosen.tolist())
    with av.open(str(path)) as container:
        frames = enumerate(container.decode(video=0))
        taken = {number: _upright(frame) for number, frame in frames if number in wanted}
    return np.stack([taken[number] for number in chosen.tolist()])


def _upright(frame: av.VideoFrame) -> np.ndarray:
    return np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)


def _error(path: Path, error: Exception) -> MediaError:
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    reason = re.sub(r"^\S+\.cc:\d+:\s*(\[.*?\]\s*)?", "", lines[0].strip()).replace(str(path), "it")
    return MediaError(f"cannot read frames of {path.name}: {reason[:160]}")
