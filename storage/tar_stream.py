"""The bytes of a tar archive as `tarfile` reads them: forwards only, each told of, and no header without an end.

`tarfile` believes what a header says: it takes a name of a gigabyte in one read, and seeks wherever it is sent.
"""

from collections.abc import Callable
from tarfile import ReadError
from typing import IO, cast

_LONGEST_HEADER = 1 << 20
_CHUNK = 1 << 20
_END = bytes(512)


class TarStream:
    """A stream that is read once. came: told of the bytes that come, also of those that are skipped."""

    def __init__(self, stream: IO[bytes], came: Callable[[int], None]) -> None:
        self._stream = stream
        self._came = came
        self._at = 0
        self._last = b""
        self._header: int | None = _LONGEST_HEADER

    def expect_header(self) -> None:
        """From now on headers are read, up to the next member."""
        self._header = _LONGEST_HEADER

    def expect_content(self) -> None:
        """From now on a member is read, or skipped."""
        self._header = None

    def finish(self) -> None:
        """Read to the end. Raises ReadError unless the last header was the mark of the end.

        To `tarfile` a damaged header and a file that is cut between two members are ends like any other.
        """
        if self._last != _END:
            raise ReadError("it is damaged or cut short")
        self.expect_content()
        while self.read(_CHUNK):
            pass

    def read(self, size: int) -> bytes:
        if self._header is not None:
            self._header -= size
            if self._header < 0:
                raise ReadError(f"a member's header is longer than {_LONGEST_HEADER} bytes")
        self._last = self._stream.read(size)
        self._at += len(self._last)
        self._came(len(self._last))
        return self._last

    def seek(self, to: int) -> int:
        """Skip forwards, at most to the end. Raises ReadError for a way back."""
        if to < self._at:
            raise ReadError("a header leads back")
        while self._at < to and (chunk := self._stream.read(min(_CHUNK, to - self._at))):
            self._at += len(chunk)
            self._came(len(chunk))
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def as_file(self) -> IO[bytes]:
        """As `tarfile` is told that it is; no more of a file is used."""
        return cast(IO[bytes], self)
