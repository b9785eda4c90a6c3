"""A folder outside the store, for others: whole or absent."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.values import UserError

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


@contextmanager
def whole_folder(to: Path, option: str) -> Iterator[Path]:
    """A folder beside `to` that takes its place when the block succeeds and is removed when it fails.

    option: of the command line, by which another place is named. Raises UserError for a place that holds something, or
    that cannot be written; what fails elsewhere in the block is let through.
    """
    check_free(to, option)
    beside = to.with_name(f".{to.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial")
    try:
        beside.mkdir(parents=True)
        yield beside
        beside.replace(to)
    except OSError as error:
        if not _is_of(error, to, beside):
            raise
        why = error.strerror or type(error).__name__
        raise UserError(f"{to} cannot be written ({why}): name another folder with {option}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_free(to: Path, option: str) -> None:
    """Raises UserError for a place that holds something."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} is {'not empty' if to.is_dir() else 'no folder'}: name another folder with {option}")


def copy_into(folder: Path, source: Path) -> None:
    """Copy all that lies below a folder. Raises OSError of the file at fault, which `shutil.copytree` would not."""
    for path in sorted(source.rglob("*")):
        target = folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir()
        else:
            shutil.copy2(path, target)


def _is_of(error: OSError, to: Path, beside: Path) -> bool:
    """Whether the fault is the target's: it names a file there or a folder above, or a disk that takes no more."""
    place = error.filename2 or error.filename
    if place is None:
        return error.errno in _DISK
    return Path(os.fsdecode(place)).is_relative_to(beside) or Path(os.fsdecode(place)) in (to, *to.parents)
