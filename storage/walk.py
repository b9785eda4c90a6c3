"""Every file below a folder with its size, time and inode, in one pass of the disk.

Links are followed, because people link datasets from a bigger disk. A folder that is linked into itself is entered
once, and a link that leads nowhere is no file. Hidden files and folders are not the publisher's and are left out.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from schemas.values import UserError
from storage.digests import State
from storage.filenames import is_hidden

Place = tuple[int, int]
"""Device and inode of a folder, which name it whatever leads there."""


def walk(root: Path) -> Iterator[tuple[str, State]]:
    """(name relative to root, state) of every file, in no order. Raises UserError for what cannot be read."""
    top = os.stat(root)
    ahead: list[tuple[str, str, frozenset[Place]]] = [(str(root), "", frozenset({(top.st_dev, top.st_ino)}))]
    while ahead:
        folder, prefix, above = ahead.pop()
        for entry, status in _entries(folder):
            if S_ISREG(status.st_mode):
                yield prefix + entry.name, State.of(status)
            elif S_ISDIR(status.st_mode) and (place := (status.st_dev, status.st_ino)) not in above:
                ahead.append((entry.path, f"{prefix}{entry.name}/", above | {place}))


def _entries(folder: str) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_hidden(entry.name) and (status := _status(entry)):
                    _check_text(entry)
                    yield entry, status
    except PermissionError as error:
        raise UserError(f"{error.filename} may not be read: give yourself the right to, or leave it out") from error


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What the entry leads to; None for a link that leads nowhere or in a circle."""
    try:
        return entry.stat()
    except PermissionError:
        raise
    except OSError:
        if entry.is_symlink():
            return None
        raise


def _check_text(entry: os.DirEntry[str]) -> None:
    """Names go into tables, which hold text only."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise UserError(f"the name of file {entry.path!r} is no UTF-8 text: rename it") from None
