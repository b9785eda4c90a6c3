"""Real little clips for the tests: a coloured square that moves, with a tone, written by PyAV."""

import hashlib
from pathlib import Path

import av
import numpy as np
from PIL import Image

from media.blobs import blob_path
from schemas.example import Example, Media, MediaKind, Option

RATE = 16000


def write_video(
    path: Path, colour: tuple[int, int, int], hertz: float | None, seconds: float = 2.0, scale: int = 1
) -> Path:
    """A 64 x 48 clip, or so many times as large, of 12 frames a second; no sound track where `hertz` is None."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=12)
        picture.width, picture.height, picture.pix_fmt = 64 * scale, 48 * scale, "yuv420p"
        sound = None if hertz is None else container.add_stream("aac", rate=RATE)
        for number in range(round(12 * seconds)):
            pixels = np.full((48, 64, 3), 30, np.uint8)
            left = 2 + 2 * (number % 20)
            pixels[16:32, left : left + 16] = colour
            pixels = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(picture.encode())
        if sound is not None:
            _write_tone(container, sound, hertz, seconds)
    return path


def write_sound(path: Path, hertz: float, seconds: float = 1.0) -> Path:
    with av.open(str(path), "w") as container:
        _write_tone(container, container.add_stream("pcm_s16le", rate=RATE, layout="mono"), hertz, seconds)
    return path


def write_picture(path: Path, colour: tuple[int, int, int]) -> Path:
    Image.new("RGB", (40, 30), colour).save(path)
    return path


def tone(hertz: float, seconds: float) -> np.ndarray:
    """Half loud, half nearly quiet, as float32."""
    times = np.arange(round(RATE * seconds)) / RATE
    loudness = np.where(times < seconds / 2, 0.3, 0.003)
    return (loudness * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def keep(blobs: Path, path: Path, kind: MediaKind, has_audio: bool = False) -> Media:
    """The medium of a file, which is linked into `blobs` under its digest."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    place = blob_path(blobs, digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(path)
    return Media(kind=kind, digest=digest, path=path.name, has_audio=has_audio)


def example(id: str, *media: Media, answer: str = "A", context: str = "", think: str = "") -> Example:
    return Example(
        id=id,
        source="made",
        source_revision="1",
        source_row=id,
        source_id=id,
        licence="CC0-1.0",
        group=id,
        question="Which colour is the square?",
        options=(Option(label="A", text="red"), Option(label="B", text="blue")),
        answer_kind="choice",
        answer=answer,
        media=media,
        context=context,
        think=think,
    )


def _write_tone(
    container: "av.container.OutputContainer", stream: "av.AudioStream", hertz: float, seconds: float
) -> None:
    samples = (tone(hertz, seconds) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = RATE
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
