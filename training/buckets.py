"""The order of examples, and batches of similar length, which spend less on padding.

Everything is drawn from the seed before training starts, so going on from a checkpoint needs no state of its own.
"""

from collections.abc import Sequence

import numpy as np

from schemas.completion import FormatName
from schemas.example import Example, Media
from schemas.training import MediaSettings
from training.prompts import parts, texts

# About what becomes one token: pixels of a picture, pictures of a video, seconds of sound, bytes of text.
PIXELS, FRAMES, SECONDS, BYTES = 28 * 28, 2, 1 / 25, 4

UNPROBED_SECONDS = 30.0
"""Taken for the length of a clip or sound that was never probed."""


def order(count: int, rows: int, seed: int) -> list[int]:
    """`rows` indices into `count` examples: one shuffle after another, all drawn from the seed."""
    generator = np.random.default_rng(seed)
    epochs = -(-rows // count)
    return np.concatenate([generator.permutation(count) for _ in range(epochs)])[:rows].tolist()


def bucketed(rows: Sequence[int], lengths: Sequence[float], batch: int, window: int, seed: int) -> list[int]:
    """`rows` with batches of similar length: every `window` batches are sorted together, and the batches shuffled.

    No window reaches over the end of an epoch (as many rows as there are `lengths`), so each epoch has the examples
    that it had; a batch over the end of an epoch stays as it was.
    """
    generator = np.random.default_rng([seed, window])
    ordered, count = list(rows), len(lengths)
    for start in range(0, len(rows), count):
        first, last = -(-start // batch) * batch, min(start + count, len(rows)) // batch * batch
        for low in range(first, last, window * batch):
            high = min(low + window * batch, last)
            ordered[low:high] = _shuffled_batches(sorted(ordered[low:high], key=lengths.__getitem__), batch, generator)
    return ordered


def expected_length(example: Example, format: FormatName, settings: MediaSettings) -> float:
    """About how many tokens an example has, without reading its media. Only the order of lengths matters."""
    text = sum(len(each.encode()) for each in texts(example, format)) / BYTES
    return text + sum(_media_tokens(part.kind, part.medium, settings) for part in parts(example, settings.audio))


def _media_tokens(kind: str, medium: Media, settings: MediaSettings) -> float:
    pixels = (medium.width or 0) * (medium.height or 0) or settings.max_pixels
    picture = min(max(pixels, settings.min_pixels), settings.max_pixels) / PIXELS
    if kind == "image":
        return picture
    seconds = _seconds(medium)
    sound = min(seconds, settings.max_audio_seconds) / SECONDS
    if kind == "audio":
        return sound
    frames = min(max(seconds * settings.fps, FRAMES), settings.max_frames)
    return frames / FRAMES * picture + (sound if settings.audio == "interleaved" else 0.0)


def _seconds(medium: Media) -> float:
    whole = medium.duration or medium.audio_duration or UNPROBED_SECONDS
    return max(0.0, (whole if medium.end is None else medium.end) - (medium.start or 0.0))


def _shuffled_batches(rows: list[int], batch: int, generator: np.random.Generator) -> list[int]:
    batches = [rows[place : place + batch] for place in range(0, len(rows), batch)]
    return [row for number in generator.permutation(len(batches)) for row in batches[number]]
