"""Media in a page: small ones embedded and playable, all others named, each with a thumbnail where one can be made."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from media.blobs import blob_path
from media.errors import MediaError
from media.frames import sample_frames
from media.picture import read_picture
from schemas.example import Media, MediaKind
from schemas.values import Value

MOST_BYTES = 2_000_000
"""Larger clips are named, not embedded: the page must open at once."""
_THUMBNAIL = (128, 96)
_QUALITY = 45

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"WAVE", "audio/wav"),
    (8, b"WEBP", "image/webp"),
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
)


class Clip(Value):
    """One medium: `source` is a data URI, or empty with `note` saying why it is not embedded.

    thumbnail: a picture of it as a data URI, or empty.
    """

    kind: MediaKind
    label: str
    source: str
    note: str = ""
    thumbnail: str = ""


class Room:
    """How many bytes of media a page may still take; each file counts once."""

    def __init__(self, in_all: int, each: int = MOST_BYTES) -> None:
        self.each, self._left = each, in_all
        self._taken: set[str] = set()

    def take(self, digest: str, size: int) -> bool:
        """Whether a file of `size` bytes may be embedded; it then is taken."""
        if digest in self._taken:
            return True
        if size > min(self.each, self._left):
            return False
        self._left -= size
        self._taken.add(digest)
        return True


def clips_of(media: Iterable[Media], blobs: Path, room: Room) -> tuple[Clip, ...]:
    """A clip for each medium, from the folder of media by digest; one that cannot be shown says why."""
    return tuple(_clip_of(medium, blobs, room) for medium in media)


def _clip_of(medium: Media, blobs: Path, room: Room) -> Clip:
    path = blob_path(blobs, medium.digest)
    if not path.is_file():
        return Clip(kind=medium.kind, label=medium.path, source="", note="not embedded: the file is not there")
    size = path.stat().st_size
    if not room.take(medium.digest, size):
        note = f"not embedded: {size / 1e6:.1f} MB" if size > room.each else "not embedded: the page is full"
        return Clip(kind=medium.kind, label=medium.path, source="", note=note)
    return clip(medium.kind, medium.path, path.read_bytes())


def clip(kind: MediaKind, label: str, content: bytes) -> Clip:
    """A medium with its bytes embedded, unless they are of no type that browsers show."""
    mime = next((mime for start, magic, mime in _SIGNATURES if content[start:].startswith(magic)), None)
    if mime is None:
        return Clip(kind=kind, label=label, source="", note="not embedded: not a type that browsers show")
    return Clip(kind=kind, label=label, source=_uri(mime, content))


def thumbnail(kind: MediaKind, path: Path) -> str:
    """A data URI of a small picture of a video's middle or of a picture; empty for sound and for what cannot be read.

    Decoded in this process: only for files that a model has been shown. Raises OSError for a fault of the machine.
    """
    if kind == "audio" or not path.is_file():
        return ""
    try:
        pixels = read_picture(path) if kind == "image" else sample_frames(path, fps=1.0, max_frames=2).pixels[-1]
    except MediaError:
        return ""
    picture = Image.fromarray(pixels)
    picture.thumbnail(_THUMBNAIL)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY)
    return _uri("image/webp", buffer.getvalue())


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
