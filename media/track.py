"""One video or sound track of a container: what it says of itself, and how far it decodes.

The last second is decoded rather than all of it, so that probing costs little for long files; only where it
holds nothing is the whole track decoded, to say how far it goes.
"""

from pathlib import Path
from typing import NamedTuple, TypeGuard

from av import AudioFrame, AudioStream, VideoFrame, VideoStream
from av.container import InputContainer
from av.error import FFmpegError

from media.container import beginning, open_container
from media.errors import check_machine, reason

_TAIL_SECONDS = 1.0
_MISSTATED = 0.5
"""Seconds beyond what codecs add to fill their last frame."""

Stream = VideoStream | AudioStream


class Track(NamedTuple):
    """A measured track.

    start: seconds into the file at which it begins. stated: seconds the track says it lasts, None when it does
    not. head: its first frame, None when none decodes. end: seconds it decodes to, from its own start. frames:
    how many it states or, stating none, how many decoded in all; 0 for not known. error: what broke decoding,
    empty for nothing.
    """

    start: float
    stated: float | None
    head: VideoFrame | AudioFrame | None
    end: float | None
    frames: int
    fps: float | None
    error: str

    @property
    def duration(self) -> float | None:
        """Seconds, as stated; as decoded where nothing is stated or far too little, as some frame rates that vary."""
        if self.stated and self.end and self.end - self.stated > _MISSTATED:
            return self.end
        return self.stated or self.end

    @property
    def until(self) -> float:
        """Seconds into the file at which it ends."""
        return self.start + (self.end or self.duration or 0.0)


class _Decoded(NamedTuple):
    """What came out of a stretch: frames, the last one's end (seconds from the track's start), the error."""

    first: VideoFrame | AudioFrame | None
    frames: int
    end: float | None
    error: str


def measure(path: Path, index: int) -> Track:
    """Measure track `index` of a container.

    Raises FFmpegError when it cannot be opened, and as `check_machine` does.
    """
    with open_container(path) as container:
        stream = _stream(container, index)
        stated = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
        start = _seconds(stream.start_time, stream) - beginning(container)
        frames, fps = stream.frames, _frame_rate(stream)
        last = stated or _packets_end(container, stream)
    head = _decode(path, index, limit=1)
    tail = _decode(path, index, after=last - _TAIL_SECONDS) if last > 2 * _TAIL_SECONDS else None
    if not tail or not tail.frames:
        tail = _decode(path, index)
        frames = frames or tail.frames
    return Track(start, stated, head.first, tail.end, frames, fps, head.error or tail.error)


def _stream(container: InputContainer, index: int) -> Stream:
    stream = container.streams[index]
    if not isinstance(stream, (VideoStream, AudioStream)):
        raise ValueError(f"track {index} is {stream.type}, neither video nor sound")
    stream.codec_context.thread_count = 1  # files are decoded beside each other, each in a process
    return stream


def _is_frame(decoded: object) -> TypeGuard[VideoFrame | AudioFrame]:
    return isinstance(decoded, (VideoFrame, AudioFrame))


def _packets_end(container: InputContainer, stream: Stream) -> float:
    """Seconds to the end of the last packet: for tracks that do not state how long they are."""
    end, start = 0, stream.start_time or 0
    for packet in container.demux(stream):
        if packet.pts is not None:
            end = max(end, packet.pts - start + (packet.duration or 0))
    return _seconds(end, stream)


def _decode(path: Path, index: int, after: float = 0.0, limit: int | None = None) -> _Decoded:
    """Decode from the key frame at or before `after` seconds, until the end, an error, or `limit` frames."""
    first, count, end = None, 0, None
    with open_container(path) as container:
        stream = _stream(container, index)
        start = _seconds(stream.start_time, stream)
        try:
            if after > 0 and stream.time_base:
                container.seek(int((start + after) / stream.time_base), stream=stream)
            for frame in filter(_is_frame, container.decode(stream)):
                first, count = first or frame, count + 1
                if frame.time is not None:
                    end = max(end or 0.0, frame.time - start + _length(frame, stream))
                if count == limit:
                    break
        except (FFmpegError, OSError, ValueError) as error:
            check_machine(error, path)
            return _Decoded(first, count, end, reason(error, path))
    return _Decoded(first, count, end, "")


def _seconds(ticks: int | None, stream: Stream) -> float:
    return float((ticks or 0) * (stream.time_base or 0))


def _length(frame: VideoFrame | AudioFrame, stream: Stream) -> float:
    if isinstance(frame, AudioFrame):
        return frame.samples / frame.sample_rate if frame.sample_rate else 0.0
    rate = _frame_rate(stream)
    return 1 / rate if rate else 0.0


def _frame_rate(stream: Stream) -> float | None:
    rate = (stream.average_rate or stream.guessed_rate) if isinstance(stream, VideoStream) else None
    return float(rate) if rate else None
