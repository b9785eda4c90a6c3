"""A disk that is full, may not be written or has damaged a database: told in one line that says where, and how to mend
it."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.values import UserError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_SQLITE_FULL = "SQLITE_FULL"
_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_SQLITE_CLOSED = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")


@contextmanager
def told_plainly(root: Path) -> Iterator[None]:
    """Turn such faults of the store's disk into UserError. Others, and those of other places, are let through."""
    try:
        yield
    except OSError as error:
        if fault := _fault_of(error, root):
            raise fault from error
        raise
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name == _SQLITE_FULL:
            raise _full(root, str(error)) from error
        if name.startswith(_SQLITE_CLOSED):
            raise _closed(root, str(error)) from error
        if name.startswith(_SQLITE_DAMAGED):
            raise _damaged(root, str(error)) from error
        raise


def _fault_of(error: OSError, root: Path) -> UserError | None:
    place = error.filename2 or error.filename
    why = f"{error.strerror}: {place}" if place else str(error.strerror)
    if error.errno in _FULL:
        return _full(root, why)
    if error.errno in _CLOSED and place and Path(str(place)).is_relative_to(root):
        return _closed(root, why)
    return None


def _full(root: Path, why: str) -> UserError:
    return UserError(
        f"the disk of store {root} is full ({why}): free some of it (`contextfirst gc` may) and run again, which goes "
        "on from what was finished"
    )


def _closed(root: Path, why: str) -> UserError:
    return UserError(f"store {root} cannot be written ({why}): give yourself the right to, and run again")


def _damaged(root: Path, why: str) -> UserError:
    return UserError(
        f"a database below {root} is damaged ({why}): those in .index may be deleted; mend llm/responses.sqlite with "
        "sqlite3's .recover or bring it back from a backup, since it holds paid answers"
    )
