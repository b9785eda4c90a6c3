"""Zip and tar archives among a folder's files, and their members one after the other.

What is not a plain file with a plain name is refused, by archive and member: links, devices, encrypted members, and
names that lead out of the folder, come twice or are no text. Hidden members are left out, like hidden files.
"""

import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from media.blobs import blob_path
from schemas.canonical import fingerprint
from schemas.values import UserError
from storage.filenames import fault_of, has_hidden_part
from storage.folder import Entry
from storage.joined import joined

_SPLIT = re.compile(r"(.+\.zip)\.([0-9]{3,})", re.IGNORECASE)
_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)
_UNIX, _ENCRYPTED = 3, 0x1
_CHUNK = 1 << 20
_BY_HAND = "or unpack it yourself and set `unpack: false` for the source"


class Archive(NamedTuple):
    """path: of the archive in its folder. parts: its files, one unless it is split. digest: of its bytes."""

    path: str
    parts: tuple[Entry, ...]
    digest: str

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)


class Member(NamedTuple):
    """One file of an archive: its POSIX path, and how to open it while it is its turn."""

    name: str
    open: Callable[[], IO[bytes]]


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


def members_of(archive: Archive, blobs: Path) -> Iterator[Member]:
    """The members to unpack, in their order, read under `told_plainly`. Raises UserError for one that is refused."""
    seen = set()
    for member in _opened(archive, blobs):
        if fault := fault_of(member.name):
            raise refused(archive, f"holds {member.name!r}, which {fault}")
        name = "/".join(part for part in member.name.split("/") if part not in ("", "."))
        if name in seen:
            raise refused(archive, f"holds two files called {name!r}")
        seen.add(name)
        if not has_hidden_part(name):
            yield member._replace(name=name)


@contextmanager
def told_plainly(archive: Archive) -> Iterator[None]:
    """Tell of an archive that the libraries cannot read in a UserError that names it."""
    try:
        yield
    except _BROKEN as error:
        why = str(error) or type(error).__name__
        raise UserError(f"archive {archive.path} cannot be unpacked ({why}): fetch it again, {_BY_HAND}") from error


def refused(archive: Archive, fault: str) -> UserError:
    """The mistake to raise for an archive with a fault."""
    return UserError(f"archive {archive.path} {fault}: check where it comes from, {_BY_HAND}")


def _of_parts(path: str, numbered: list[tuple[int, Entry]]) -> Archive:
    numbers, parts = zip(*sorted(numbered), strict=True)
    if missing := sorted(set(range(1, numbers[-1] + 1)) - set(numbers)):
        raise UserError(f"archive {path} lacks its part {path}.{missing[0]:03d}: fetch it, {_BY_HAND}")
    return Archive(path, parts, fingerprint([part.digest for part in parts]))


def _opened(archive: Archive, blobs: Path) -> Iterator[Member]:
    path = archive.path.lower()
    with joined([blob_path(blobs, part.digest) for part in archive.parts]) as stream:
        if path.endswith(".zip"):
            yield from _in_zip(archive, stream)
        elif path.endswith(".tar"):
            yield from _in_tar(archive, stream)
        else:
            with gzip.open(stream) as content:
                yield from _in_tar(archive, content)
                while content.read(_CHUNK):  # only at its end is a gzip file's checksum looked at
                    pass


def _in_zip(archive: Archive, stream: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as opened:
        for member in opened.infolist():
            mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(archive, f"holds {member.orig_filename!r}, which is a link or a device")
            if member.flag_bits & _ENCRYPTED:
                raise refused(archive, f"holds {member.orig_filename!r}, which is encrypted")
            if not member.is_dir():
                yield Member(member.orig_filename, lambda member=member: opened.open(member))


def _in_tar(archive: Archive, stream: IO[bytes] | gzip.GzipFile) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r:") as opened:
        for member in opened:
            if not (member.isreg() or member.isdir()):
                raise refused(archive, f"holds {member.name!r}, which is a link or a device")
            if member.isreg():
                yield Member(member.name, lambda member=member: _content(opened, member))


def _content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = opened.extractfile(member)
    assert content is not None  # a regular file has content
    return content
