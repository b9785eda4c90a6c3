"""How much may come out of archives, counted while it comes."""

from collections.abc import Iterable

from schemas.values import Value
from storage.archives import Archive, refused
from storage.folder import Entry


class Limits(Value):
    """How much may come out of the archives of one source.

    size: bytes of all members. members: their number, hidden ones and folders too. ratio: bytes out of one archive for
    each byte of it, looked at from `ratio_from` bytes on, because small tables may well shrink a thousandfold.
    """

    size: int = 1 << 40
    members: int = 5_000_000
    ratio: int = 100
    ratio_from: int = 1 << 30


class Room:
    """What may still come out of an archive. taken: the members of the archives before it."""

    def __init__(self, archive: Archive, limits: Limits, taken: Iterable[Entry]) -> None:
        before = list(taken)
        self._archive = archive
        self._limits = limits
        self._before = sum(entry.size for entry in before)
        self._members = len(before)
        self._out = 0
        self._decompressed = 0

    def take(self, size: int) -> None:
        """Count bytes of members. Raises UserError when they are more than the limits let out."""
        self._out += size
        self._check_ratio(self._out)
        if self._before + self._out > self._limits.size:
            raise refused(
                self._archive, f"takes the source over {self._limits.size} unpacked bytes (`max_unpacked_gb`)"
            )

    def count(self, members: int = 1) -> None:
        """Count members, whatever they are. Raises UserError when they are too many."""
        self._members += members
        if self._members > self._limits.members:
            raise refused(self._archive, f"takes the source over {self._limits.members} unpacked files")

    def decompress(self, size: int) -> None:
        """Count what a decompressor gives, headers and what is skipped included. Raises UserError as `take` does."""
        self._decompressed += size
        self._check_ratio(self._decompressed)

    def _check_ratio(self, out: int) -> None:
        limits, packed = self._limits, self._archive.size
        if out > max(limits.ratio_from, limits.ratio * packed):
            raise refused(self._archive, f"swells from {packed} bytes to more than {limits.ratio} times as many")
