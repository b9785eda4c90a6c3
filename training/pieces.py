"""Pieces of media files that prompts need: what is asked of a file, and what decoding it gives.

A piece names all that decides its bytes, so it can be kept and found again by its name. Views are no part of it: what a
blind or a deaf model gets is made of the same frames and samples.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Protocol

import av
import decord
import numpy as np
import torch
from pydantic import Field

from media.blobs import blob_path
from media.errors import MediaError
from media.frames import sample_frames
from media.picture import read_picture
from media.waveform import read_waveform
from schemas.canonical import fingerprint
from schemas.values import Value
from training.resizing import Bounds, frame_size, resized

SAMPLING = {"version": 1, "av": av.__version__, "decord": decord.__version__, "torch": torch.__version__}
"""Who decodes and scales. The version is changed by hand, when other frames or samples come of the same file."""


class Clip(Value):
    """Frames of a video between `start` and `end` (seconds), as `media.frames.sample_frames` takes them."""

    kind: Literal["clip"] = "clip"
    digest: str
    start: float | None
    end: float | None
    fps: float
    max_frames: int
    bounds: Bounds


class Sound(Value):
    """The sound of a file between `start` and `end` (seconds), cut after `seconds`."""

    kind: Literal["sound"] = "sound"
    digest: str
    start: float | None
    end: float | None
    seconds: float


class Picture(Value):
    """A still picture."""

    kind: Literal["picture"] = "picture"
    digest: str


Piece = Annotated[Clip | Sound | Picture, Field(discriminator="kind")]


class Decoded(NamedTuple):
    """What a piece came to.

    values: uint8, frames x height x width x RGB of a clip, not larger than its bounds let a frame be shown; float32
    samples at 16 kHz, none for a file without a sound track; uint8, height x width x RGB of a picture. fps: frames
    sampled per second. seconds: length of the sampled stretch. size: height and width in which frames are shown. These
    three are zero but for clips.
    """

    values: np.ndarray
    fps: float = 0.0
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)


class PieceReader(Protocol):
    """Where decoded pieces come from."""

    def read(self, piece: Piece) -> Decoded:
        """Raises media.errors.MediaError, and OSError for what is the machine's fault."""
        ...

    def read_ahead(self, pieces: Iterable[Piece]) -> None:
        """Begin with what will be asked for soon. Raises nothing that a file is to blame for."""
        ...


class OnTheFly:
    """Media decoded in this process whenever they are asked for: for few files, and ones that are known to be well."""

    def __init__(self, blobs: Path) -> None:
        self._blobs = blobs

    def read(self, piece: Piece) -> Decoded:
        return decode(piece, blob_path(self._blobs, piece.digest))

    def read_ahead(self, pieces: Iterable[Piece]) -> None:
        del pieces


def name(piece: Piece) -> str:
    """`<digest of the file>-<32 hexadecimal digits>`: another name for whatever would give other bytes."""
    return f"{piece.digest}-{fingerprint([SAMPLING, piece])[:32]}"


def decode(piece: Piece, path: Path) -> Decoded:
    """Decode a piece of the file at `path`, in this process. Raises as `PieceReader.read` does."""
    if isinstance(piece, Sound):
        samples = read_waveform(path, piece.seconds, piece.start, piece.end)
        return Decoded(np.zeros(0, np.float32) if samples is None else samples)
    if isinstance(piece, Picture):
        return Decoded(read_picture(path))
    frames = sample_frames(path, piece.fps, piece.max_frames, piece.start, piece.end)
    size = _size(frames.pixels, piece.bounds, path)
    return Decoded(_shrunk(frames.pixels, size), frames.fps, frames.seconds, size)


def _size(pixels: np.ndarray, bounds: Bounds, path: Path) -> tuple[int, int]:
    _, height, width, _ = pixels.shape
    try:
        return frame_size(height, width, bounds)
    except ValueError as error:
        raise MediaError(f"cannot show {path.name}: {error}") from error


def _shrunk(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frames in the size in which they are shown, unless that would be larger than they are."""
    if math.prod(size) >= math.prod(pixels.shape[1:3]):
        return pixels
    return resized(torch.as_tensor(pixels), size).numpy()
