"""The parts of a split file, read as the one file they are parts of, without a copy."""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from typing import Any


class Parts(io.RawIOBase):
    """Several files, one after the other, as one that can be read and searched."""

    def __init__(self, paths: Sequence[Path]) -> None:
        with ExitStack() as opened:
            self._files = [opened.enter_context(path.open("rb", buffering=0)) for path in paths]
            self._opened = opened.pop_all()
        sizes = [os.fstat(file.fileno()).st_size for file in self._files]
        self._starts = [0, *accumulate(sizes)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        if origin + offset < 0:
            raise OSError("a file has nothing before its start")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer up to the end of the part that the position is in; 0 at the end of the last."""
        if self._at >= self._starts[-1]:
            return 0
        part = bisect_right(self._starts, self._at) - 1
        self._files[part].seek(self._at - self._starts[part])
        count = self._files[part].readinto(buffer) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._opened.close()
        super().close()


def joined(paths: Sequence[Path]) -> io.BufferedReader:
    """A buffered reader over the parts, in their order. Raises OSError when one cannot be opened."""
    return io.BufferedReader(Parts(paths), buffer_size=1 << 20)
