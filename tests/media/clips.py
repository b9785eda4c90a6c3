"""Small media of every sort, encoded for the test that asks for them."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition

_QUIET = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"svtav1-params": "lp=1"}}


class Pictures(NamedTuple):
    """A video track; times: milliseconds at which its frames begin. level: of its grey, None for rising from 0.

    turned: degrees by which a player has to turn it.
    """

    codec: str = "libx264"
    pixels: str = "yuv420p"
    width: int = 64
    height: int = 48
    times: Sequence[int] = range(0, 2000, 100)
    level: int | None = None
    mark: Disposition | None = None
    turned: int = 0
    options: dict[str, str] = {}


class Tone(NamedTuple):
    """A sound track; begins, seconds: when and how long it sounds. loud: 1 is full scale."""

    codec: str = "aac"
    rate: int = 16000
    layout: str = "mono"
    begins: float = 0.0
    seconds: float = 2.0
    hertz: float = 440.0
    loud: float = 0.3
    mark: Disposition | None = None


class _Recorder:
    """A file that can only be written on: the muxer cannot go back to note the length."""

    def __init__(self, file: object) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        return self._file.write(content)  # type: ignore[attr-defined]


def encode(path: Path, *tracks: Pictures | Tone) -> Path:
    """A file of the kind that the suffix says."""
    with av.open(str(path), "w") as container:
        _fill(container, tracks)
    return path


def record(path: Path, form: str, *tracks: Pictures | Tone) -> Path:
    """The same as a recorder writes it: without its length."""
    with path.open("wb") as pipe, av.open(_Recorder(pipe), "w", format=form) as container:  # type: ignore[arg-type]
        _fill(container, tracks)
    return path


def state_length(path: Path, seconds: float) -> Path:
    """Make a Matroska file say that it lasts so long."""
    content = bytearray(path.read_bytes())
    at = content.index(b"\x44\x89\x88") + 3
    content[at : at + 8] = struct.pack(">d", 1000 * seconds)
    path.write_bytes(content)
    return path


def shuffle(path: Path) -> Path:
    """Twenty frames whose times do not rise from one to the next."""
    with av.open(str(path), "w") as container:
        stream = _add(container, Pictures("ffv1"))
        assert isinstance(stream, av.VideoStream)
        stream.codec_context.time_base = Fraction(1, 10)
        for number in range(20):
            pixels = np.full((48, 64, 3), 12 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                packet.dts, packet.pts = number, 4 + number // 4 * 4 + (2, 0, 3, 1)[number % 4]
                container.mux(packet)
    return path


def _fill(container: OutputContainer, tracks: Sequence[Pictures | Tone]) -> None:
    streams = [_add(container, track) for track in tracks]
    for stream, track in zip(streams, tracks, strict=True):
        if isinstance(track, Pictures):
            _draw(container, stream, track)
        else:
            _sing(container, stream, track)


def _add(container: OutputContainer, track: Pictures | Tone) -> av.VideoStream | av.AudioStream:
    if isinstance(track, Pictures):
        stream = container.add_stream(track.codec, rate=10, options=_QUIET.get(track.codec, {}) | track.options)
        stream.width, stream.height, stream.pix_fmt = track.width, track.height, track.pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        if track.turned:
            stream.set_display_rotation(track.turned)
    else:
        stream = container.add_stream(track.codec, rate=track.rate, layout=track.layout)
    if track.mark is not None:
        stream.disposition = track.mark
    return stream


def _draw(container: OutputContainer, stream: av.VideoStream, track: Pictures) -> None:
    count = len(track.times)
    for number, time in enumerate(track.times):
        level = round(240 * number / max(1, count - 1)) if track.level is None else track.level
        frame = av.VideoFrame.from_ndarray(np.full((track.height, track.width, 3), level, np.uint8), format="rgb24")
        frame.pts, frame.time_base = time, Fraction(1, 1000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _sing(container: OutputContainer, stream: av.AudioStream, track: Tone) -> None:
    context = stream.codec_context
    resampler = av.AudioResampler(context.format, track.layout, track.rate, context.frame_size or 1024)
    first, last = round(track.begins * track.rate), round((track.begins + track.seconds) * track.rate)
    for start in range(first, last, 1024):
        times = np.arange(start, min(start + 1024, last)) / track.rate
        wave = (track.loud * 32767 * np.sin(2 * np.pi * track.hertz * times)).astype(np.int16)
        channels = len(av.AudioLayout(track.layout).channels)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None], format="s16", layout=track.layout)
        frame.sample_rate, frame.pts, frame.time_base = track.rate, start, Fraction(1, track.rate)
        for piece in resampler.resample(frame):
            container.mux(stream.encode(piece))
    for piece in resampler.resample(None):
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))
