"""What is heard in a waveform: separate tones with their pitch, sound not made of tones, or nothing.

An event is a stretch clearly louder than the noise floor. It is a tone when most of its energy lies at one
frequency. Samples are float, mono, full scale 1.
"""

from typing import Literal, NamedTuple

import numpy as np

from media.waveform import noise_floor

SoundKind = Literal["none", "silent", "tones", "continuous", "broken"]
Pitch = Literal["low", "middle", "high"]

LOW_BELOW = 500.0
HIGH_FROM = 1200.0
"""Hz: up to about B4 is low, from about D6 on is high."""
HOP = 0.01
SHORTEST = 0.04
"""Seconds: shorter pauses do not part two events, shorter events are clicks."""
INAUDIBLE = 1e-3
ABOVE_FLOOR = 3.0
PURE = 0.85
"""Least share of an event's energy near one frequency that makes it a tone; speech and music lie below."""


class Tone(NamedTuple):
    """One tone: from start to end, in seconds; its frequency in Hz."""

    start: float
    end: float
    hertz: float

    @property
    def pitch(self) -> Pitch:
        return "low" if self.hertz < LOW_BELOW else "high" if self.hertz >= HIGH_FROM else "middle"


class Heard(NamedTuple):
    """What a waveform holds. decibels: loudness relative to full scale, over all of it."""

    kind: SoundKind
    tones: tuple[Tone, ...]
    decibels: float


def listen(samples: np.ndarray, rate: int) -> Heard:
    """Measure a mono waveform."""
    loudness = float(np.sqrt(np.mean(samples.astype(float) ** 2))) if samples.size else 0.0
    decibels = 20 * float(np.log10(max(loudness, 1e-6)))
    envelope = _envelope(samples, rate)
    if not envelope.size or envelope.max() < INAUDIBLE:
        return Heard("silent", (), decibels)
    events = _events(envelope, noise_floor(samples))
    tones = [tone for start, end in events if (tone := _tone(samples, rate, start, end))]
    sounding = sum(end - start for start, end in events)
    if sum(tone.end - tone.start for tone in tones) >= 0.8 * sounding * HOP:
        return Heard("tones", tuple(tones), decibels)
    return Heard("continuous" if sounding > 0.6 * envelope.size else "broken", (), decibels)


def _envelope(samples: np.ndarray, rate: int) -> np.ndarray:
    """Loudness (root mean square) of each stretch of 10 ms."""
    hop = round(rate * HOP)
    whole = samples[: samples.size // hop * hop].astype(float).reshape(-1, hop)
    return np.sqrt(np.mean(whole**2, axis=1))


def _events(envelope: np.ndarray, floor: float) -> list[tuple[int, int]]:
    """Stretches above the noise floor, as half-open ranges of 10 ms steps; or all of it."""
    loud = envelope > max(ABOVE_FLOOR * floor, 0.1 * float(envelope.max()), INAUDIBLE)
    if not loud.any():
        return [(0, envelope.size)]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    steps = round(SHORTEST / HOP)
    joined: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if joined and start - joined[-1][1] < steps:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(start, end) for start, end in joined if end - start >= steps]


def _tone(samples: np.ndarray, rate: int, start: int, end: int) -> Tone | None:
    """The tone between two steps, or None where the energy is spread over many frequencies."""
    hop = round(rate * HOP)
    stretch = samples[start * hop : min(end * hop, start * hop + 2 * rate)].astype(float)
    power = np.abs(np.fft.rfft(stretch * np.hanning(stretch.size), 4 * stretch.size)) ** 2
    frequencies = np.fft.rfftfreq(4 * stretch.size, 1 / rate)
    power[frequencies < 40] = 0
    peak = float(frequencies[power.argmax()])
    width = max(40.0, 0.04 * peak)
    share = power[np.abs(frequencies - peak) < width].sum() / max(power.sum(), 1e-12)
    return Tone(start * HOP, end * HOP, peak) if share > PURE else None
