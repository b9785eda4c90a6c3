"""What a medium is to Gemini: its MIME type, told from its content, and the bytes that are sent.

A file goes as it lies where Gemini names its format; the server itself cuts a clip and chooses its frames. Other
pictures are drawn again as JPEG. Sound that is cut, or comes in another format, is decoded and goes as WAV.
"""

import io
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from av.error import FFmpegError
from PIL import Image

from llm.request import MediaPart, Request
from media.blobs import blob_path
from media.container import choose_tracks, open_container
from media.errors import MediaError, reason
from media.picture import read_picture
from media.waveform import SAMPLE_RATE, wav_bytes

_PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_SOUNDS = {"wav", "mp3", "flac", "ogg", "aac", "aiff"}
_CLIPS = {"avi": "video/avi", "flv": "video/x-flv", "asf": "video/wmv", "mpeg": "video/mpeg", "mpegts": "video/mp2t"}
_ORIENTATION = 0x0112
_HOUR_OF_WAV = 3600 * SAMPLE_RATE * 2
"""Bytes; what is longer than the header makes them was cut."""


class Medium(NamedTuple):
    """What is sent of a medium. digest: hex SHA-256 of it. inline: whether it goes within the request."""

    mime: str
    digest: str
    source: Path | bytes
    inline: bool = True

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def read(self) -> bytes:
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


def read_media(request: Request, blobs: Path, most_inline: int) -> dict[MediaPart, Medium]:
    """What is sent of each medium, those inline already read, `most_inline` bytes of them; the largest go by upload.

    Blocks while it reads. Raises MediaError for a file that is not of its kind.
    """
    found = {part: _medium(part, blob_path(blobs, part.digest)) for part in request.media}
    room = most_inline
    for part, medium in sorted(found.items(), key=lambda pair: pair[1].size):
        room -= medium.size
        found[part] = medium._replace(source=medium.read()) if room >= 0 else medium._replace(inline=False)
    return found


def _medium(part: MediaPart, path: Path) -> Medium:
    if part.kind == "image":
        mime = _picture_mime(path)
        return Medium(mime, part.digest, path) if mime else _made("image/jpeg", _drawn(path))
    try:
        mime = _clip_mime(path) if part.kind == "video" else _sound_mime(path)
    except FFmpegError as error:
        raise MediaError(f"cannot read the {part.kind} {path.name}: {reason(error, path)}") from error
    if part.kind == "video" or (mime and part.start is None and part.end is None):
        return Medium(mime, part.digest, path)
    return _made("audio/wav", _decoded(path, part))


def _made(mime: str, content: bytes) -> Medium:
    return Medium(mime, sha256(content).hexdigest(), content)


def _picture_mime(path: Path) -> str:
    """Empty for a picture that has to be drawn again: of another format, lying on its side, or unreadable so far."""
    try:
        with Image.open(path) as picture:
            return _PICTURES.get(picture.format or "", "") if picture.getexif().get(_ORIENTATION, 1) == 1 else ""
    except (OSError, ValueError, SyntaxError):
        return ""


def _drawn(path: Path) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(read_picture(path)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _sound_mime(path: Path) -> str:
    """Empty for sound that has to be decoded."""
    with open_container(path) as container:
        kind = container.format.name
        return f"audio/{kind}" if kind in _SOUNDS and choose_tracks(container).video is None else ""


def _decoded(path: Path, part: MediaPart) -> bytes:
    content = wav_bytes(path, part.start, part.end)
    if content is None:
        raise MediaError(f"cannot read the audio {path.name}: it has no sound")
    if len(content) > _HOUR_OF_WAV:
        raise MediaError(f"cannot send the audio {path.name}: as WAV it would be cut after an hour")
    return content


def _clip_mime(path: Path) -> str:
    with open_container(path) as container:
        if choose_tracks(container).video is None:
            raise MediaError(f"cannot read the video {path.name}: it has no picture")
        brand = container.metadata.get("major_brand", "")
        name = container.format.name
    if name == "matroska,webm":
        return "video/webm" if _is_webm(path) else "video/x-matroska"
    if name in _CLIPS:
        return _CLIPS[name]
    return "video/mov" if brand.startswith("qt") else "video/3gpp" if brand.startswith("3g") else "video/mp4"


def _is_webm(path: Path) -> bool:
    """WebM is Matroska that says so at its beginning."""
    with path.open("rb") as file:
        return b"webm" in file.read(64)
