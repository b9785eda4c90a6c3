"""How probing grows with processes: files a second with one worker, and with one for each core.

The baseline is the least that tells whether a clip decodes: one PyAV loop in this process that decodes every frame of
both tracks in one thread, with no deadline and no protection. Clips are made first; a pool's start is part of its time.

    python benchmarks/probe_scaling.py [CLIPS] [SECONDS OF EACH]
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from media.probe import Probe, probe_all

_RATE = 16000
_FRAMES = 25


def main() -> None:
    count, seconds = [int(text) for text in sys.argv[1:3]] + [400, 10][len(sys.argv[1:3]) :]
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        clips = make_clips(Path(folder), count, seconds)
        ways: dict[str, Callable[[], int]] = {
            "PyAV loop, every frame (baseline)": lambda: decode_all(clips),
            "probe_all, 1 worker": lambda: probed(clips, 1),
            f"probe_all, {cores} workers": lambda: probed(clips, cores),
        }
        took = {name: timed(way, count) for name, way in ways.items()}
    print(f"{count} clips of {seconds} s, 320 x 240, h264 and aac; {cores} cores")
    print(f"{'way':<36}{'seconds':>9}{'files/s':>9}{'times baseline':>16}")
    baseline = next(iter(took.values()))
    for name, elapsed in took.items():
        print(f"{name:<36}{elapsed:>9.2f}{count / elapsed:>9.1f}{baseline / elapsed:>16.2f}")
    one, every = list(took.values())[1:]
    print(f"{cores} workers over 1: {one / every:.2f}")


def make_clips(folder: Path, count: int, seconds: int) -> list[Path]:
    """As many links to one clip: each is opened and decoded as a file of its own."""
    original = make_clip(folder / "clip.mp4", seconds)
    clips = [folder / f"{number}.mp4" for number in range(count)]
    for clip in clips:
        clip.hardlink_to(original)
    return clips


def make_clip(path: Path, seconds: int) -> Path:
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=_FRAMES)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        audio = container.add_stream("aac", rate=_RATE, layout="mono")
        for _ in range(seconds * _FRAMES):
            pixels = np.kron(noise.integers(0, 255, (24, 32, 3), np.uint8), np.ones((10, 10, 1), np.uint8))
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for start in range(0, seconds * _RATE, 1024):
            samples = np.sin(np.arange(start, start + 1024) * 0.2).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = _RATE, start, Fraction(1, _RATE)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def decode_all(clips: Sequence[Path]) -> int:
    """Files of which at least one frame decodes."""
    return sum(_frames(clip) > 0 for clip in clips)


def _frames(clip: Path) -> int:
    with av.open(str(clip)) as container:
        for stream in container.streams:
            stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode())


def probed(clips: Sequence[Path], workers: int) -> int:
    """Files that are readable."""
    return sum(isinstance(answer, Probe) for answer in probe_all(list(clips), workers, 30.0).values())


def timed(way: Callable[[], int], expected: int) -> float:
    began = time.perf_counter()
    found = way()
    elapsed = time.perf_counter() - began
    if found != expected:
        raise SystemExit(f"{found} of {expected} clips are readable: the figure would be of something else")
    return elapsed


if __name__ == "__main__":
    main()
