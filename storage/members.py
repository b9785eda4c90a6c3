"""The members of an archive, one after the other.

What is not a plain file with a plain name is refused, by archive and member: links, devices, encrypted members, and
names that lead out of the folder, come twice, are empty or are no text. Hidden members are left out, like hidden files.
"""

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from media.blobs import blob_path
from storage.archives import Archive, refused
from storage.filenames import fault_of, has_hidden_part
from storage.joined import joined
from storage.room import Room
from storage.tar_stream import TarStream

_UNIX, _ENCRYPTED = 3, 0x1


class Member(NamedTuple):
    """One file of an archive: its POSIX path, and how to open it while it is its turn."""

    name: str
    open: Callable[[], IO[bytes]]


def members_of(archive: Archive, blobs: Path, room: Room) -> Iterator[Member]:
    """The members to unpack, in their order, read under `told_plainly`. Raises UserError for one that is refused."""
    seen = set()
    for member in _opened(archive, blobs, room):
        if fault := fault_of(member.name):
            raise refused(archive, f"holds {member.name!r}, which {fault}")
        name = "/".join(part for part in member.name.split("/") if part not in ("", "."))
        if not name:
            raise refused(archive, f"holds {member.name!r}, which names no file")
        if name in seen:
            raise refused(archive, f"holds two files called {name!r}")
        seen.add(name)
        if not has_hidden_part(name):
            yield member._replace(name=name)


def _opened(archive: Archive, blobs: Path, room: Room) -> Iterator[Member]:
    path = archive.path.lower()
    with joined([blob_path(blobs, part.digest) for part in archive.parts]) as stream:
        if path.endswith(".zip"):
            yield from _in_zip(archive, stream, room)
        elif path.endswith(".tar"):
            yield from _in_tar(archive, stream, room)
        else:
            with gzip.open(stream) as content:
                yield from _in_tar(archive, cast(IO[bytes], content), room)


def _in_zip(archive: Archive, stream: IO[bytes], room: Room) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as opened:
        for member in opened.infolist():
            room.count()
            mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(archive, f"holds {member.orig_filename!r}, which is a link or a device")
            if member.flag_bits & _ENCRYPTED:
                raise refused(archive, f"holds {member.orig_filename!r}, which is encrypted")
            if not member.is_dir():
                yield Member(member.orig_filename, lambda member=member: opened.open(member))


def _in_tar(archive: Archive, stream: IO[bytes], room: Room) -> Iterator[Member]:
    content = TarStream(stream, room.decompress)
    with tarfile.open(fileobj=content.as_file(), mode="r:") as opened:
        while member := _next(opened, content):
            room.count()
            if not (member.isreg() or member.isdir()):
                raise refused(archive, f"holds {member.name!r}, which is a link or a device")
            if member.isreg():
                yield Member(member.name, lambda member=member: _content(opened, member))
    content.finish()  # to the end of a gzip file, where its checksum is


def _next(opened: tarfile.TarFile, content: TarStream) -> tarfile.TarInfo | None:
    content.expect_header()
    member = opened.next()
    cast(Any, opened).members.clear()  # it would keep every one
    content.expect_content()
    return member


def _content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = opened.extractfile(member)
    assert content is not None  # a regular file has content
    return content
