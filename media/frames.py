"""Frames of a video, spread evenly over a stretch of it.

decord reads what it reads well: indexed files with one video track. It is the faster of two ways to the same frames;
it cannot choose a track, knows no AV1, and numbers the frames of files without an index wrongly, so those are decoded
from their beginning with PyAV.

A clip that would need more than `max_frames` is sampled more thinly, so every `Frames` carries the rate at which
it was really sampled: time in the model is derived from that rate, and a fixed one is wrong from 16 s on.

Frames of up to `MOST_PIXELS` come as they are; larger ones are scaled down as they are decoded, so that what a clip
takes in memory does not follow what its file claims.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import decord
import numpy as np
from av import VideoFrame, VideoStream
from av.container import InputContainer
from av.error import FFmpegError

from media.container import LARGEST_FRAME, beginning, choose_tracks, open_container
from media.errors import MediaError, check_machine, reason

decord.logging.set_level(decord.logging.QUIET)

MOST_PIXELS = 1920 * 1080
"""Of a frame that is given out: three times what models are shown at most, so that they can scale well."""
MOST_BYTES = 2 << 30
"""Of all frames of a clip together; where `max_frames` would take more, each frame is smaller."""
GREY = 128
"""Level of the flat frames that stand for pictures in a blind view."""

_DECORD_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_DECORD_CODECS = ("h264", "hevc", "mpeg4", "vp8", "vp9", "mjpeg", "png", "ffv1")
_SOURCE_LINE = re.compile(r"(\[[\d:]+\] )?\S+\.cc:\d+: ")
_DECORD_SIDE = 64
"""Pixels: narrower frames are padded in memory, which decord takes for an error."""
_THREADS = 4
"""Each holds a frame of its own as it was stored."""


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


class Size(NamedTuple):
    """Of a frame as it is shown: pixels, upright."""

    width: int
    height: int


class Stretch(NamedTuple):
    """Which frames to take, by number, and how many seconds they stand for."""

    chosen: np.ndarray
    seconds: float


def sample_frames(
    path: Path, fps: float, max_frames: int, start: float | None = None, end: float | None = None
) -> Frames:
    """Frames of `path` between `start` and `end` (seconds), at `fps` or as many as `max_frames` allow.

    An even number and at least two, repeated where the stretch has only one. Upright, as the file says it was
    filmed. Raises MediaError, and as `check_machine` does.
    """
    try:
        read = _read_with_decord if _suits_decord(path) else _read_with_pyav
        stretch, pixels = read(path, _scaled(path, max_frames), fps, max_frames, start, end)
    except (FFmpegError, RuntimeError, decord.DECORDError, ValueError) as error:
        check_machine(error, path)
        raise MediaError(f"cannot read frames of {path.name}: {_first_line(error, path)}") from error
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


def _suits_decord(path: Path) -> bool:
    """Would decord read the chosen track, and well? Nothing reaches it that `open_container` refuses."""
    with open_container(path) as container:
        tracks = choose_tracks(container)
        video = tracks.video
        return (
            video is not None
            and tracks.videos == 1
            and video.codec_context.codec.canonical_name in _DECORD_CODECS
            and min(video.width, video.height) >= _DECORD_SIDE
            and container.format.name in _DECORD_FORMATS
            and container.duration is not None
            and not beginning(container)
        )


def _scaled(path: Path, frames: int) -> Size | None:
    """To what size so many frames have to be scaled; None where they may stay as they are.

    Raises ValueError for frames that are too large even to be decoded.
    """
    most = min(MOST_PIXELS, MOST_BYTES // 3 // max(2, frames))
    with open_container(path) as container:
        video = _video(container)
        if video.width * video.height > LARGEST_FRAME:
            raise ValueError(f"{video.width} x {video.height} pixels are more than are decoded")
        if video.width * video.height <= most:
            return None
        first = next(_decoded(container), None)
    return _fitted(_size(first), most) if first else None


def _fitted(size: Size, most: int) -> Size:
    """The size, or a smaller one of the same shape with at most so many pixels."""
    scale = min(1.0, math.sqrt(most / (size.width * size.height)))
    return Size(max(1, int(size.width * scale)), max(1, int(size.height * scale)))


def _read_with_decord(
    path: Path, size: Size | None, fps: float, max_frames: int, start: float | None, end: float | None
) -> tuple[Stretch, np.ndarray]:
    width, height = size or (-1, -1)
    reader = decord.VideoReader(str(path), ctx=decord.cpu(0), width=width, height=height, num_threads=1)
    stretch = choose(reader.get_frame_timestamp(list(range(len(reader)))), fps, max_frames, start, end)
    return stretch, reader.get_batch(stretch.chosen.tolist()).asnumpy()


def _read_with_pyav(
    path: Path, size: Size | None, fps: float, max_frames: int, start: float | None, end: float | None
) -> tuple[Stretch, np.ndarray]:
    """Decoded once to tell when each frame is shown, once to take: a clip need not fit into memory."""
    with open_container(path) as container:
        begins, step = beginning(container), _step(container)
        times = np.array([float(frame.time or 0.0) - begins for frame in _decoded(container)])
    if not len(times):
        raise ValueError("no frame of a picture decodes")
    order = np.argsort(times, kind="stable")
    times = times[order]
    step = float(np.median(np.diff(times))) if len(times) > 1 else step
    stretch = choose(np.stack([times, [*times[1:], times[-1] + step]], axis=1), fps, max_frames, start, end)
    return stretch, _take(path, order[stretch.chosen], size)


def _take(path: Path, chosen: np.ndarray, size: Size | None) -> np.ndarray:
    """The chosen frames, all of one size: where none is given, the first one's."""
    wanted = set(chosen.tolist())
    taken: dict[int, np.ndarray] = {}
    with open_container(path) as container:
        for number, frame in zip(range(max(wanted) + 1), _decoded(container), strict=False):
            if number in wanted:
                size = size or _size(frame)
                taken[number] = _upright(frame, size)
    return np.stack([taken[number] for number in chosen.tolist()])


def _video(container: InputContainer) -> VideoStream:
    video = choose_tracks(container).video
    if video is None:
        raise ValueError("it has no video track")
    return video


def _decoded(container: InputContainer) -> Iterator[VideoFrame]:
    video = _video(container)
    video.codec_context.thread_count = _THREADS
    video.thread_type = "AUTO"
    return (frame for frame in container.decode(video) if isinstance(frame, VideoFrame))


def _step(container: InputContainer) -> float:
    """Seconds that a lone frame is shown: as the track states its rate, else one."""
    rate = _video(container).average_rate
    return float(1 / rate) if rate else 1.0


def _size(frame: VideoFrame) -> Size:
    return Size(frame.height, frame.width) if frame.rotation % 180 else Size(frame.width, frame.height)


def _upright(frame: VideoFrame, size: Size) -> np.ndarray:
    """The frame as it is shown, in a size that is its own or scaled."""
    width, height = reversed(size) if frame.rotation % 180 else size
    return np.rot90(frame.to_ndarray(format="rgb24", width=width, height=height), frame.rotation // 90)


def _first_line(error: Exception, path: Path) -> str:
    """What the reader said, without the place in decord's source that it puts before."""
    return reason(ValueError(_SOURCE_LINE.sub("", str(error).partition("\n")[0])), path)
