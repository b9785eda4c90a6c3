"""What goes wrong with media is data: one error type, whose message can stand in a row.

What goes wrong with the machine is not: no handle left, no memory, a disk that does not answer.
"""

import errno
import os
from pathlib import Path

_MOST_CHARACTERS = 160
_NO_HANDLE = frozenset({errno.EMFILE, errno.ENFILE})
_OUT_OF_REACH = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EACCES, errno.EREMOTEIO, errno.ENXIO})
_CHUNK = 1 << 20


class MediaError(Exception):
    """A file that cannot be decoded, or not in the asked range. One line: which file, and why."""


def reason(error: Exception, path: Path) -> str:
    """What a decoder said, in one line and without the place of the file: a row is the same wherever its media lie."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.replace(str(path.absolute()), "the file").replace(str(path), "the file")[:_MOST_CHARACTERS]


def check_machine(error: Exception, path: Path) -> None:
    """Raises OSError or MemoryError where `error` is the machine's fault and not the file's.

    Decoders call damaged content an input/output error too, so the file is read plainly to tell the two apart.
    """
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        raise MemoryError(f"no memory to read {path}") from error
    if number in _NO_HANDLE:
        raise OSError(number, os.strerror(number), str(path)) from error
    if number in _OUT_OF_REACH:
        with path.open("rb") as stream:
            while stream.read(_CHUNK):
                pass
