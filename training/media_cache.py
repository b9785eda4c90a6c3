"""Decoded media on disk: each piece is decoded once and mapped into memory by whoever needs it.

Ranks, epochs, rollouts, scoring and other runs share a folder. `{folder}/ab/<digest of the file>-<name of the piece>`
holds frames in the size in which they are shown, samples, or the pixels of a picture. Deleting any of it costs time,
never content: what is missing or damaged is decoded again.

The folder keeps within `most_bytes`, and takes no more of its disk than it leaves free. Whoever has written a gigabyte,
or a sixteenth of the bound where that is less, removes what was longest not read; until then each rank may go over by
as much. What is removed stays readable for those who have it mapped.
"""

import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from media.blobs import blob_path
from schemas.training import Job
from training.background import Background
from training.decoding import Crew
from training.media_entry import TEMPORARY, Damaged, read_entry
from training.pieces import Decoded, Piece, name

MOST_BYTES = 128 << 30
"""A clip of 32 frames takes up to 58 MB: room for some two thousand."""
_UNWATCHED = 1 << 30
_KEPT = 0.9
"""Of the most bytes, after removing: so that the next entry does not begin it anew."""
_ABANDONED_SECONDS = 3600.0
"""Age from which nobody can still be writing a file."""


class MediaCache:
    """`training.pieces.PieceReader` out of a folder, filled by processes of their own."""

    def __init__(self, folder: Path, blobs: Path, crew: Crew, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._blobs, self._crew, self._most = folder, blobs, crew, most_bytes
        self._background = Background(crew.workers)
        self._lock = threading.Lock()
        self._making: dict[str, Future[None]] = {}
        self._written = 0

    def read(self, piece: Piece) -> Decoded:
        """The piece, from disk or decoded now. A file that could not be decoded is not tried again.

        Raises media.errors.MediaError, OSError where the machine is at fault.
        """
        place = self._place(piece)
        found = _find(place)
        if found is None:
            self._make(piece).result()
            found = _find(place)
        if found is None:
            raise OSError(f"{place} was decoded and is gone or damaged already: is the disk full, or failing?")
        return found

    def read_ahead(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if not self._place(piece).exists():
                self._make(piece)

    def _place(self, piece: Piece) -> Path:
        return self._folder / piece.digest[:2] / name(piece)

    def _make(self, piece: Piece) -> Future[None]:
        """Threads that ask for the same piece wait for the same process."""
        with self._lock:
            making = self._making.get(name(piece))
            if making is None or (making.done() and not making.exception()):
                making = self._making[name(piece)] = self._background.submit(self._write, piece)
            return making

    def _write(self, piece: Piece) -> None:
        place = self._place(piece)
        self._crew.write(piece, blob_path(self._blobs, piece.digest), place)
        with self._lock:
            self._written += place.stat().st_size
            if self._written < min(_UNWATCHED, self._most // 16):
                return
            self._written = 0
        trim(self._folder, self._most)


class _File(NamedTuple):
    read: float
    size: int
    path: Path


def trim(folder: Path, most_bytes: int) -> None:
    """Remove what was longest not read until the folder is well within `most_bytes` and what its disk has free.

    The newest entry stays, however large. Several processes may do so at once.
    """
    files = sorted(_files(folder))
    used = sum(file.size for file in files)
    most = min(most_bytes, (used + shutil.disk_usage(folder).free) // 2)
    if used <= most:
        return
    for file in files[:-1]:
        file.path.unlink(missing_ok=True)
        used -= file.size
        if used <= most * _KEPT:
            return


def _files(folder: Path) -> Iterator[_File]:
    """Whole entries; what a killed process left half written is removed on the way."""
    for path in folder.glob("*/*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another process trims too
        if not path.name.endswith(TEMPORARY):
            yield _File(status.st_mtime, status.st_size, path)
        elif status.st_mtime < time.time() - _ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


def _find(place: Path) -> Decoded | None:
    try:
        return read_entry(place)
    except Damaged as error:
        print(f"{place} is damaged and made again: {error}", file=sys.stderr, flush=True)
        return None


def open_cache(job: Job) -> MediaCache:
    """The cache of a job: in the folder that it names, else one of its own beside its checkpoints."""
    folder = Path(job.media_cache or f"{job.work}/media")
    return MediaCache(folder, Path(job.blobs), Crew(job.workers))
