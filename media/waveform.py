"""Sound as one channel of float32 samples, and what stands in for it when a model must not hear."""

import io
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import numpy as np

from media.demux import SAMPLE_RATE, NoSound, read_pieces, write_wav
from media.errors import MediaError

_MOST_SECONDS_OF_WAV = 3600.0
_FRAME = 400
"""Samples over which loudness is measured for the noise floor: 25 ms."""


def read_waveform(
    path: Path, max_seconds: float, start: float | None = None, end: float | None = None
) -> np.ndarray | None:
    """Mono samples between `start` and `end` (seconds), cut after `max_seconds`; None when there is no sound track.

    Raises MediaError when there is one that cannot be read.
    """
    first, last = _stretch(start, end, max_seconds)
    try:
        pieces = list(read_pieces(path, first, last))
    except NoSound:
        return None
    if not pieces:
        raise MediaError(f"no sound between {first:g} s and {last:g} s of {path.name}")
    return np.concatenate(pieces)


def silence(seconds: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """A zero waveform: a video without sound keeps its place among videos with sound."""
    return np.zeros(max(1, round(seconds * sample_rate)), np.float32)


def noise_floor(samples: np.ndarray, percentile: float = 10.0) -> float:
    """Loudness (root mean square) of the quiet frames of 25 ms: the given percentile over all of them."""
    whole = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    if not len(whole):
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    return float(np.percentile(np.sqrt(np.mean(whole**2, axis=1)), percentile))


def muted(samples: np.ndarray, digest: str) -> np.ndarray:
    """White noise at the clip's own noise floor, drawn by the digest of its file.

    Exact zeros would be unlike anything recorded: a model may then fail for their strangeness alone.
    """
    noise = np.random.default_rng(crc32(digest.encode())).standard_normal(len(samples))
    return (noise * noise_floor(samples)).astype(np.float32)


def shifted(samples: np.ndarray, seconds: float, drawn_by: str) -> np.ndarray:
    """The same sound `seconds` earlier or later, as the text `drawn_by` decides; what leaves at one end enters at the
    other. A sound of less than twice that is moved by half its length: any further would bring it nearer its place.
    """
    places = min(round(seconds * SAMPLE_RATE), len(samples) // 2)
    later = sha256(drawn_by.encode()).digest()[0] % 2
    return np.roll(samples, places if later else -places)


def wav_bytes(path: Path, start: float | None = None, end: float | None = None) -> bytes | None:
    """The sound as a 16-bit mono WAV file, for providers that take one; None when there is no sound track.

    An hour of it at most. Raises MediaError when there is one that cannot be read.
    """
    buffer = io.BytesIO()
    try:
        write_wav(path, buffer, *_stretch(start, end, _MOST_SECONDS_OF_WAV))
    except NoSound:
        return None
    return buffer.getvalue()


def _stretch(start: float | None, end: float | None, max_seconds: float) -> tuple[float, float]:
    first = start or 0.0
    return first, min(first + max_seconds, first + max_seconds if end is None else end)


__all__ = ["SAMPLE_RATE", "muted", "noise_floor", "read_waveform", "shifted", "silence", "wav_bytes"]
