"""Samples of a scene: beeps or two tones over a constant noise floor, which is never exactly zero."""

import numpy as np

from corpus.picture import SECONDS
from corpus.scene import Scene

RATE = 16_000
SAMPLES = 31 * 1024
"""1.984 s: whole AAC frames, because an encoder fills up a part of one with exact zeros."""
NOISE_FLOOR = 0.006
"""RMS of the noise, of full scale 1: about -44 dB."""
HERTZ = {"low": (220.0, 320.0), "middle": (660.0, 860.0), "high": (1700.0, 2200.0)}
RAMP = 0.01


class _Beep:
    """One tone: seconds from start to end, pitch in hertz, amplitude of full scale 1."""

    def __init__(self, start: float, end: float, hertz: float, amplitude: float) -> None:
        self.start, self.end, self.hertz, self.amplitude = start, end, hertz, amplitude

    def samples(self, times: np.ndarray) -> np.ndarray:
        envelope = np.clip(np.minimum(times - self.start, self.end - times) / RAMP, 0, 1)
        return self.amplitude * envelope * np.sin(2 * np.pi * self.hertz * (times - self.start))


def draw_sound(scene: Scene) -> np.ndarray:
    """Mono samples, float32 [31744], 16 kHz, within -1 and 1."""
    rng = np.random.default_rng([scene.nuisance, 2])
    times = np.arange(SAMPLES) / RATE
    samples = rng.normal(0, NOISE_FLOOR, times.size)
    for beep in _switch(rng, scene) if scene.switch is not None else _steady(rng, scene):
        samples += beep.samples(times)
    return np.clip(samples, -1, 1).astype(np.float32)


def _steady(rng: np.random.Generator, scene: Scene) -> list[_Beep]:
    """`scene.beeps` beeps of one pitch, evenly spaced, from a random start."""
    length, gap = rng.uniform(0.14, 0.2), rng.uniform(0.16, 0.24)
    busy = scene.beeps * length + (scene.beeps - 1) * gap
    first = rng.uniform(0.1, SECONDS - 0.1 - busy)
    hertz, amplitude = rng.uniform(*HERTZ[scene.pitches[0]]), rng.uniform(0.25, 0.4)
    starts = [first + index * (length + gap) for index in range(scene.beeps)]
    return [_Beep(start, start + length, hertz, amplitude) for start in starts]


def _switch(rng: np.random.Generator, scene: Scene) -> list[_Beep]:
    """One tone before the switch and one after it, with a pause between them that shows the noise floor."""
    assert scene.switch is not None
    edges = ((0.12, scene.switch - 0.08), (scene.switch + 0.08, SECONDS - 0.12))
    amplitude = rng.uniform(0.25, 0.4)
    tones = zip(edges, scene.pitches, strict=True)
    return [_Beep(start, end, rng.uniform(*HERTZ[pitch]), amplitude) for (start, end), pitch in tones]
