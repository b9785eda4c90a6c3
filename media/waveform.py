"""Sound as one channel of float32 samples, and what stands in for it when a model must not hear."""

import io
import wave
from pathlib import Path
from zlib import crc32

import decord
import numpy as np

from media.errors import MediaError

decord.logging.set_level(decord.logging.QUIET)

SAMPLE_RATE = 16000
"""Hz, of every waveform here; what the audio towers expect."""

_FRAME = 400
"""Samples over which loudness is measured for the noise floor: 25 ms."""


def read_waveform(
    path: Path,
    max_seconds: float,
    start: float | None = None,
    end: float | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray | None:
    """Mono samples between `start` and `end` (seconds), cut after `max_seconds`; None when there is no sound track.

    Raises MediaError when there is one that cannot be read.
    """
    if not path.exists():
        raise MediaError(f"no such file: {path.name}")
    try:
        reader = decord.AudioReader(str(path), ctx=decord.cpu(0), sample_rate=sample_rate, mono=True)
        samples = reader[:].asnumpy()[0]
    except (RuntimeError, decord.DECORDError) as error:
        if "find audio stream" in str(error):
            return None
        raise MediaError(f"cannot read the sound of {path.name}") from error
    return _stretch(samples, sample_rate, max_seconds, start, end, path)


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


def _stretch(
    samples: np.ndarray, rate: int, max_seconds: float, start: float | None, end: float | None, path: Path
) -> np.ndarray:
    first = round((start or 0.0) * rate)
    last = len(samples) if end is None else round(end * rate)
    found = samples[first : min(last, first + round(max_seconds * rate))]
    if not len(found):
        raise MediaError(f"no sound between {first / rate:g} s and {last / rate:g} s of {path.name}")
    return np.ascontiguousarray(found, np.float32)


def wav_bytes(path: Path, start: float | None = None, end: float | None = None) -> bytes | None:
    """The sound as a 16-bit mono WAV file, for providers that take one; None when there is no sound track.

    Raises MediaError when there is one that cannot be read.
    """
    samples = read_waveform(path, max_seconds=3600.0, start=start, end=end)
    if samples is None:
        return None
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(SAMPLE_RATE)
        stream.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
