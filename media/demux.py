"""The sound of a container in small pieces: one channel, 16 kHz, in step with the picture.

Sound that begins late or pauses is filled with silence, so that a second of it is a second of the video; nothing is
added at its end. A damaged packet is a pause. Two hours of sound are never in memory at once.
"""

import wave
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from av import AudioFrame, AudioResampler, AudioStream
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError

from media.container import beginning, choose_tracks, open_container
from media.errors import MediaError, check_machine, reason

SAMPLE_RATE = 16000
"""Hz, of every waveform here; what the audio towers expect."""

MOST_SECONDS = 4 * 3600.0
"""No sound is read further: a broken clock must not write days of silence."""

_PAUSE = 0.1
"""Seconds: shorter gaps between two pieces are rounding of the container's clock."""
_RUN_UP = 1.0
"""Seconds that are decoded before a stretch, for codecs whose state settles."""
_INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "flac")
"""Formats whose clock is right after a jump; the others are decoded from their beginning."""


class NoSound(Exception):
    """The container has no sound track."""


def read_pieces(
    path: Path, start: float = 0.0, end: float | None = None, sample_format: Literal["flt", "s16"] = "flt"
) -> Iterator[np.ndarray]:
    """Mono samples between `start` and `end` (seconds), a second of them at most in each piece.

    "flt" is float32, where a stereo recording is as loud as both of its channels; "s16" is int16, where it is their
    mean, so that it cannot clip. Raises NoSound, and MediaError for sound that cannot be read.
    """
    last = round(min(MOST_SECONDS if end is None else end, MOST_SECONDS) * SAMPLE_RATE)
    try:
        with open_container(path) as container:
            audio = choose_tracks(container).audio
            if audio is None:
                raise NoSound(path.name)
            yield from _stretch(_resampled(container, audio, start, sample_format), round(start * SAMPLE_RATE), last)
    except (FFmpegError, ValueError) as error:
        check_machine(error, path)
        raise MediaError(f"cannot read the sound of {path.name}: {reason(error, path)}") from error


def write_wav(source: Path, target: BinaryIO, start: float = 0.0, end: float | None = None) -> None:
    """Write the sound as a 16-bit mono WAV to a file open for writing.

    Raises NoSound, and MediaError for sound that cannot be read or that has nothing in the stretch.
    """
    pieces = read_pieces(source, start, end, "s16")
    first = next(pieces, None)
    if first is None:
        raise MediaError(f"no sound after {start:g} s of {source.name}")
    with wave.open(target, "wb") as sound:
        sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        for piece in chain([first], pieces):
            sound.writeframesraw(piece.astype("<i2").tobytes())


def _resampled(
    container: InputContainer, audio: AudioStream, start: float, sample_format: str
) -> Iterator[tuple[int, np.ndarray]]:
    """Samples as decoded, and the place of the first one, counted from the file's beginning."""
    begins = beginning(container)
    if start > _RUN_UP and audio.time_base and container.format.name in _INDEXED:
        container.seek(int((begins + start - _RUN_UP) / audio.time_base), stream=audio)
    resampler = AudioResampler(sample_format, "mono", SAMPLE_RATE)
    place = None
    for frame in chain(_frames(container, audio), [None]):
        for piece in resampler.resample(frame):
            stated = None if piece.time is None else round((piece.time - begins) * SAMPLE_RATE)
            place = _placed(place, stated)
            yield place, piece.to_ndarray()[0]
            place += piece.samples


def _placed(expected: int | None, stated: int | None) -> int:
    """Where the next piece belongs: behind the last one, unless the clock says that there was a pause."""
    if expected is None or stated is None:
        return expected or stated or 0
    return stated if stated - expected > _PAUSE * SAMPLE_RATE else expected


def _frames(container: InputContainer, audio: AudioStream) -> Iterator[AudioFrame]:
    for packet in container.demux(audio):
        try:
            decoded = packet.decode()
        except InvalidDataError:
            continue  # players leave out what is damaged too; the clock of the next packet shows the pause
        yield from (frame for frame in decoded if isinstance(frame, AudioFrame))


def _stretch(pieces: Iterator[tuple[int, np.ndarray]], first: int, last: int) -> Iterator[np.ndarray]:
    """The samples between two places, with silence wherever the next piece lies further on."""
    at = first
    for place, samples in pieces:
        yield from _silence(min(place, last) - at, samples.dtype)
        at = max(at, min(place, last))
        if place >= last:
            return
        if len(heard := samples[at - place : last - place]):
            yield heard
            at += len(heard)


def _silence(samples: int, kind: np.dtype) -> Iterator[np.ndarray]:
    for begin in range(0, samples, SAMPLE_RATE):
        yield np.zeros(min(SAMPLE_RATE, samples - begin), kind)
