"""What the media cache saves: the data part of a training step with cached media, against decoding on the fly.

The data part is `Encoder.encode` over a step's rows: frames and sound read, scaled, cut into patches, placeholders
spliced and counted. Clips are made first: mp4 of 1280 x 720 with sound, 20 to 30 s long. Both ways encode the same rows
with the same processor, 32 frames of the default size a clip, in one thread, hold nothing in memory from one step to
the next, and take turns; on the fly is our own way too, with no process and no file between. Every pair's inputs are
compared bit for bit. Entries lie in the system's file cache, as they do where memory is larger than the folder.

    python -m benchmarks.media_cache [PAIRS] [CLIPS A STEP] [CLIPS] [FOLDER]

In FOLDER clips are left for the next time.
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import torch

from media.blobs import blob_path
from schemas.example import Example, Media, Option
from schemas.training import MediaSettings
from training.checkpoint import load_processor
from training.decoding import Crew
from training.families import OmniProcessor
from training.inputs import Encoder, Inputs
from training.media_cache import MediaCache
from training.pieces import OnTheFly, PieceReader
from training.tiny import make_tiny
from training.tiny_params import TinyParams

_RATE, _FRAMES = 16000, 25
_WIDTH, _HEIGHT = 1280, 720


class Pair(NamedTuple):
    """Seconds of the same step, decoded on the fly and out of the cache."""

    fly: float
    cached: float


def main() -> None:
    pairs, step, clips = [int(text) for text in sys.argv[1:4]] + [12, 2, 4][len(sys.argv[1:4]) :]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        kept = Path(sys.argv[4] if len(sys.argv) > 4 else place)
        lengths = [20 + 10 * number // max(1, clips - 1) for number in range(clips)]
        rows = [make_row(Path(place), make_clip(kept, number, seconds)) for number, seconds in enumerate(lengths)]
        make_tiny(Path(place) / "model", ["a few words"], TinyParams(sound_seconds=300))
        measure(Path(place), rows, step, pairs)


def measure(folder: Path, rows: Sequence[Example], step: int, pairs: int) -> None:
    processor, cache = load_processor(folder / "model"), open_cache(folder)
    began = time.perf_counter()
    encoded(processor, cache, rows)
    print(f"{len(rows)} clips of 1280 x 720, 20 to 30 s; filling the cache: {time.perf_counter() - began:.1f} s")
    for what in ("blobs", "cache"):
        print(f"{what}: {sum(path.stat().st_size for path in (folder / what).glob('*/*')) / 1e6:.0f} MB")
    taken = [compare(processor, folder, cache, turn(rows, step, number)) for number in range(pairs)]
    report(taken, step)


def open_cache(folder: Path) -> MediaCache:
    return MediaCache(folder / "cache", folder / "blobs", Crew(1))


def turn(rows: Sequence[Example], step: int, number: int) -> list[Example]:
    """The rows of a step, in the order of the corpus and from its beginning again."""
    return [rows[(number * step + place) % len(rows)] for place in range(step)]


def compare(processor: OmniProcessor, folder: Path, cache: MediaCache, rows: Sequence[Example]) -> Pair:
    fly, wanted = encoded(processor, OnTheFly(folder / "blobs"), rows)
    cached, found = encoded(processor, cache, rows)
    check(found, wanted)
    return Pair(fly, cached)


def encoded(processor: OmniProcessor, pieces: PieceReader, rows: Sequence[Example]) -> tuple[float, list[Inputs]]:
    """Seconds of one step, and what came of it. An encoder of its own: nothing is found in memory."""
    encoder = Encoder(processor, MediaSettings(), Path("no blobs"), pieces=pieces)
    began = time.perf_counter()
    inputs = [encoder.encode(row, "context_first") for row in rows]
    return time.perf_counter() - began, inputs


def check(found: Sequence[Inputs], wanted: Sequence[Inputs]) -> None:
    for one, other in zip(found, wanted, strict=True):
        same = one.ids == other.ids and one.tensors.keys() == other.tensors.keys()
        if not same or not all(torch.equal(one.tensors[name], other.tensors[name]) for name in other.tensors):
            raise AssertionError(f"{one.id}: its tensors out of the cache are others")


def report(pairs: Sequence[Pair], step: int) -> None:
    ratios = sorted(pair.fly / pair.cached for pair in pairs)
    fly, cached = (float(np.median([pair[way] for pair in pairs])) for way in (0, 1))
    low, high = interval(ratios)
    print(f"{step} clips a step, {len(pairs)} pairs in turns, tensors identical")
    print(f"on the fly {fly:.2f} s, cached {cached:.2f} s")
    print(f"times faster: median {np.median(ratios):.1f}, 95 % interval {low:.1f} to {high:.1f}")


def interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Of the median, at 95 % or more, by ranks: how many of n values lie under their median is binomial."""
    count = len(ordered)
    tosses = np.random.default_rng(0).binomial(count, 0.5, 100_000)
    rank = int(np.quantile(tosses, 0.02, method="lower"))
    return ordered[max(0, rank - 1)], ordered[min(count - 1, count - rank)]


def make_row(folder: Path, clip: Path) -> Example:
    digest = hashlib.sha256(clip.read_bytes()).hexdigest()
    place = blob_path(folder / "blobs", digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(clip.absolute())
    return Example(
        id=clip.stem,
        source="made",
        source_revision="1",
        source_row=clip.stem,
        source_id=clip.stem,
        licence="CC0-1.0",
        group=clip.stem,
        question="Which way does it go?",
        options=(Option(label="A", text="left"), Option(label="B", text="right")),
        answer_kind="choice",
        answer="A",
        media=(Media(kind="video", digest=digest, path=clip.name, has_audio=True),),
    )


def make_clip(folder: Path, number: int, seconds: int) -> Path:
    """A coarse picture that moves, with a change of scene every five seconds, and noise that swells."""
    path = folder / f"{number}-{seconds}.mp4"
    if path.exists():
        return path
    draw = np.random.default_rng(number)
    scenes = draw.integers(0, 255, (seconds // 5 + 1, _HEIGHT // 8, _WIDTH // 8, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=_FRAMES, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=_RATE, layout="mono")
        for shown in range(seconds * _FRAMES):
            scene = scenes[shown // (5 * _FRAMES)].repeat(8, 0).repeat(8, 1)
            moved = np.roll(scene, (shown * 3, shown * 5), (0, 1))
            container.mux(video.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        for _ in range(seconds):
            wave = (draw.standard_normal(_RATE) * np.linspace(0, 8000, _RATE)).clip(-32768, 32767)
            sound = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
            sound.sample_rate = _RATE
            container.mux(audio.encode(sound))
        container.mux(video.encode())
        container.mux(audio.encode())
    return path


if __name__ == "__main__":
    main()
