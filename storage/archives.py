"""The zip and tar archives among a folder's files, and how to tell of one that cannot be unpacked."""

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from schemas.canonical import fingerprint
from schemas.values import UserError
from storage.folder import Entry

_SPLIT = re.compile(r"(.+\.zip)\.([0-9]{3,})", re.IGNORECASE)
_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    ValueError,
)
"""What the libraries raise for damaged content, besides an OSError that no disk is to blame for."""
_BY_HAND = "or unpack it yourself and set `unpack: false` for the source"


class Archive(NamedTuple):
    """path: of the archive in its folder. parts: its files, one unless it is split. digest: of its bytes."""

    path: str
    parts: tuple[Entry, ...]
    digest: str

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)


def archives_of(entries: Iterable[Entry]) -> list[Archive]:
    """The archives among a folder's entries, by path; `x.zip.001`, `x.zip.002`, ... are one.

    Raises UserError when a part of a split archive is missing.
    """
    whole, split = [], defaultdict[str, list[tuple[int, Entry]]](list)
    for entry in entries:
        if match := _SPLIT.fullmatch(entry.path):
            split[match[1]].append((int(match[2]), entry))
        elif entry.path.lower().endswith(_ENDINGS):
            whole.append(Archive(entry.path, (entry,), entry.digest))
    return sorted([*whole, *(_of_parts(path, parts) for path, parts in split.items())])


@contextmanager
def told_plainly(archive: Archive) -> Iterator[None]:
    """Tell of an archive that the libraries cannot read in a UserError that names it."""
    try:
        yield
    except UserError:
        raise
    except _BROKEN as error:
        raise _unreadable(archive, error) from error
    except OSError as error:
        if error.errno is not None:  # this disk's fault; a decompressor's has no number
            raise
        raise _unreadable(archive, error) from error


def refused(archive: Archive, fault: str) -> UserError:
    """The mistake to raise for an archive with a fault."""
    return UserError(f"archive {archive.path} {fault}: check where it comes from, {_BY_HAND}")


def _unreadable(archive: Archive, error: Exception) -> UserError:
    why = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"archive {archive.path} cannot be unpacked ({why}): fetch it again, {_BY_HAND}")


def _of_parts(path: str, numbered: list[tuple[int, Entry]]) -> Archive:
    numbers, parts = zip(*sorted(numbered), strict=True)
    if missing := sorted(set(range(1, numbers[-1] + 1)) - set(numbers)):
        raise UserError(f"archive {path} lacks its part {path}.{missing[0]:03d}: fetch it, {_BY_HAND}")
    return Archive(path, parts, fingerprint([part.digest for part in parts]))
