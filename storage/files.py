"""Writing a file so that it is whole or absent: temporary name, flush to disk, rename."""

import os
import shutil
import stat
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = ".*.tmp"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block succeeds and removed when it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        yield temporary
        flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all. A pipe, a device or a link that stands there stays, and is written to."""
    if _is_replaceable(path):
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    else:
        path.write_text(text, encoding="utf-8")


def _is_replaceable(path: Path) -> bool:
    """Whether a new file may take the place: renamed over /dev/stdout or /dev/null, it would end them for everybody."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # nothing is there, or it cannot be looked at; then it cannot be written to, which tells why
        return True


def new_file(path: Path, text: str) -> bool:
    """Write a file unless there is one, whole or not at all; of several writers one wins. Whether it was this one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        flush(temporary)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def remove_temporaries(folder: Path) -> None:
    """Remove what killed writers left half written below `folder`, where nobody may be writing now."""
    for path in folder.rglob(_TEMPORARY):
        path.unlink()


def drop_folder(folder: Path, trash: Path) -> None:
    """Remove a folder, if there is one: renamed into `trash` first, so that it is never seen half removed."""
    if not folder.exists():
        return
    grave = trash / f"{folder.parent.name}-{uuid.uuid4().hex}"
    trash.mkdir(parents=True, exist_ok=True)
    folder.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)  # what is left of it goes with the garbage


def flush(path: Path) -> None:
    """Ask the disk to keep what was written, so that a rename never precedes its content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
