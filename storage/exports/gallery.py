"""The media of an export: `media/<digest>.mp4`, each file once, linked or copied out of the store.

The sound of a clip becomes a WAV file beside it, since not every trainer takes it out of the clip. Names are made of
digests and a plain suffix alone, so that no publisher's path leads anywhere.
"""

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Literal

from media.blobs import blob_path
from media.errors import MediaError
from media.waveform import wav_bytes
from schemas.example import Media, MediaKind
from schemas.values import UserError
from storage.digests import hash_file
from storage.exports.conversation import LeftOut

FOLDER = "media"
Way = Literal["link", "copy"]
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


class Gallery:
    """Puts media below `folder`, each once. `paths` are relative to it."""

    def __init__(self, blobs: Path, folder: Path, way: Way) -> None:
        self._blobs, self._folder, self._way = blobs, folder, way
        self._placed: dict[str, LeftOut | None] = {}
        (folder / FOLDER).mkdir(parents=True)

    def place(self, kind: MediaKind, medium: Media) -> str:
        """The path of a medium, or of a clip's sound where a video is asked for as `audio`.

        Raises LeftOut for a medium without a file and for sound that cannot be decoded, UserError for a file that is
        no longer where it was read or has changed since.
        """
        if not _DIGEST.fullmatch(medium.digest):
            raise LeftOut("no_file", f"{medium.path or kind} was never there")
        heard = kind == "audio" and medium.kind == "video"
        name = f"{FOLDER}/{medium.digest}{'-sound.wav' if heard else _suffix(medium.path)}"
        if name not in self._placed:
            self._placed[name] = self._put(name, medium, heard)
        if fault := self._placed[name]:
            raise fault
        return name

    def _put(self, name: str, medium: Media, heard: bool) -> LeftOut | None:
        source = blob_path(self._blobs, medium.digest)
        if not source.is_file():
            raise UserError(
                f"{medium.path} is no longer where it was read ({source.resolve()}): put the file back, or run the "
                "recipe again with its folder in place"
            )
        if heard:
            return _write_sound(source, self._folder / name, medium)
        if self._way == "link":
            (self._folder / name).symlink_to(source.resolve())
        else:
            _copy(source, self._folder / name, medium)
        return None


def _write_sound(source: Path, to: Path, medium: Media) -> LeftOut | None:
    try:
        content = wav_bytes(source)
    except MediaError as error:
        return LeftOut("no_sound", f"the sound of {medium.path} cannot be decoded: {error}")
    if content is None:
        return LeftOut("no_sound", f"{medium.path} was said to have sound and has none")
    to.write_bytes(content)
    return None


def _copy(source: Path, to: Path, medium: Media) -> None:
    shutil.copyfile(source, to)
    if hash_file(to) != medium.digest:
        raise UserError(
            f"{medium.path} ({source.resolve()}) has changed since it was read into the store: put the file back, or "
            "run the recipe again with --rehash"
        )


def _suffix(path: str) -> str:
    """The publisher's suffix where it is a plain one: readers go by it."""
    suffix = PurePosixPath(path).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ""
