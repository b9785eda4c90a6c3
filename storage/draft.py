"""An artifact being made: one folder per fingerprint, held by one process, taken over when that process dies.

The lease is an exclusive `flock` on a file beside the draft. The kernel drops it with its holder, however that died,
so no clock and no heartbeat decides who is alive. What a dead holder finished stays in the draft for the next one.
"""

import fcntl
import json
import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.artifact import File, Rows, Usage
from storage.files import drop_folder, flush, remove_temporaries, write_text
from storage.manifests import MANIFEST
from storage.parquet import count_rows

_WORK = ".work"
_ORIGIN = "made-from"
_POLL_SECONDS = 0.2
_HOLDER_BYTES = 4096


class Draft:
    """The folder to fill, and what the manifest will say of it.

    folder: data files go here. work: what helps a resume and is not published. progress: told (done, total, unit).
    """

    def __init__(self, folder: Path, made_from: str, progress: Callable[[int, int, str], None]) -> None:
        """Open the folder. What an earlier holder left stays if it was made from inputs of the same content."""
        self.folder = folder
        self.work = folder / _WORK
        self._open(made_from)
        self.progress = progress
        self.entered = 0
        self.left = 0
        self.rejected: Counter[str] = Counter()
        self.usage = Usage()
        self.notes: dict[str, object] = {}

    def rows(self) -> Rows:
        """The row counts. Raises RuntimeError when they do not balance: a row was lost or doubled."""
        if self.entered != self.left + self.rejected.total():
            raise RuntimeError(
                f"rows do not balance in {self.folder.parent.name}: {self.entered} in, {self.left} out, "
                f"{self.rejected.total()} rejected; this is a fault of the stage, please report it"
            )
        return Rows(entered=self.entered, left=self.left, rejected=dict(sorted(self.rejected.items())))

    def files(self, hash_file: Callable[[Path], str]) -> list[File]:
        """Every data file of the draft, flushed to disk; to be called when nobody writes any more.

        What was killed while it wrote, such as a lane that was begun again, has left no data.
        """
        remove_temporaries(self.folder)
        found = sorted(path for path in self.folder.rglob("*") if path.is_file() and self.work not in path.parents)
        return [self._describe(path, hash_file(path)) for path in found]

    def _open(self, made_from: str) -> None:
        origin = self.work / _ORIGIN
        if self.folder.exists() and not self.work.exists() and _aside(self.folder).exists():
            _aside(self.folder).rename(self.work)  # killed before it was moved into place
        if self.folder.exists() and not (origin.exists() and origin.read_text() == made_from):
            shutil.rmtree(self.folder)
        (self.folder / MANIFEST).unlink(missing_ok=True)  # of one that was killed while it was published
        remove_temporaries(self.folder)
        write_text(origin, made_from)

    def _describe(self, path: Path, sha256: str) -> File:
        flush(path)
        rows, columns = count_rows(path) if path.suffix == ".parquet" else (None, None)
        name = path.relative_to(self.folder).as_posix()
        return File(path=name, size=path.stat().st_size, sha256=sha256, rows=rows, columns=columns)


@contextmanager
def lease(path: Path, on_wait: Callable[[str], None], run: str = "") -> Iterator[None]:
    """Hold `path` alone for a run; wait while another process holds it, telling `on_wait` who that is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(path, on_wait)
    try:
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": int(time.time()), "run": run}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        _let_go(path, descriptor)


@contextmanager
def lease_if_free(path: Path) -> Iterator[bool]:
    """Hold `path` alone unless another process does; whether it is held by this one."""
    descriptor = _try(path)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _let_go(path, descriptor)


def await_end(path: Path, on_wait: Callable[[str], None]) -> None:
    """Wait until nobody holds the lease at `path`, telling `on_wait` once who does."""
    told = False
    while (holder := holder_of(path)) is not None:
        if not told:
            on_wait(holder)
            told = True
        time.sleep(_POLL_SECONDS)


def _acquire(path: Path, on_wait: Callable[[str], None]) -> int:
    while (descriptor := _try(path)) is None:
        await_end(path, on_wait)
    return descriptor


def _try(path: Path) -> int | None:
    """A descriptor that holds the lease; None where another process holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # its holder removed it between our open and our lock


def _let_go(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Whether a living process holds the lease at `path`."""
    return holder_of(path) is not None


def holder_of(path: Path) -> str | None:
    """What the living holder of a lease wrote into it; None when nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # two who ask do not take each other for a holder
    except BlockingIOError:
        return os.pread(descriptor, _HOLDER_BYTES, 0).decode()
    finally:
        os.close(descriptor)
    return None


def holders(folder: Path) -> list[dict[str, object]]:
    """What the living holders of all leases in the folders of a folder wrote of themselves."""
    found = (holder_of(path) for path in folder.glob("*/*.lease"))
    return [_read(holder) for holder in found if holder is not None]


def _read(holder: str) -> dict[str, object]:
    """Empty for what a holder has not yet written."""
    try:
        return dict(json.loads(holder))
    except ValueError:
        return {}


def set_work_aside(folder: Path, trash: Path) -> Path:
    """Move away what only helps a resume, and return where it is now, to be removed once the draft has its own place.

    A draft that is opened again before that takes it back.
    """
    aside = _aside(folder)
    drop_folder(aside, trash)
    (folder / _WORK).rename(aside)
    return aside


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.aside")
