"""Archives of a dataset's folder, unpacked once: their members are listed as if unpacked beside them.

    {store}/unpacked/<archive's digest>/   the listing of the members; written last, so it is whole or absent
    {store}/blobs/                         the members themselves, by their digest

No name out of an archive ever names a file on this disk, so none can lead anywhere. The listing depends on the
archive's bytes alone: members that were lost are unpacked anew and listed as before. An archive inside an archive
stays packed.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from media.blobs import blob_path
from schemas.values import Value
from storage.archives import Archive, Member, archives_of, members_of, refused, told_plainly
from storage.blobs import move_in
from storage.digests import State
from storage.draft import lease
from storage.folder import Entry, is_listed, read_entries, write_listing
from storage.store import Store

_CHUNK = 1 << 20


class Limits(Value):
    """How much may come out of the archives of one source.

    size: bytes of all members. members: their number. ratio: bytes out of one archive for each byte of it, looked at
    from `ratio_from` bytes on, because small tables may well shrink a thousandfold.
    """

    size: int = 1 << 40
    members: int = 5_000_000
    ratio: int = 100
    ratio_from: int = 1 << 30


class _Room:
    """What may still come out of an archive."""

    def __init__(self, archive: Archive, limits: Limits, taken: Iterable[Entry]) -> None:
        before = list(taken)
        self._archive = archive
        self._limits = limits
        self._before = sum(entry.size for entry in before)
        self._members = len(before)
        self._out = 0

    def take(self, size: int, members: int = 0) -> None:
        """Raises UserError when bytes or members are more than the limits let out."""
        self._out += size
        self._members += members
        limits, packed = self._limits, self._archive.size
        if self._out > max(limits.ratio_from, limits.ratio * packed):
            raise refused(self._archive, f"swells from {packed} bytes to more than {limits.ratio} times as many")
        if self._before + self._out > limits.size:
            raise refused(self._archive, f"takes the source over {limits.size} unpacked bytes (`max_unpacked_gb`)")
        if self._members > limits.members:
            raise refused(self._archive, f"takes the source over {limits.members} unpacked files")


def unpack_all(entries: Iterable[Entry], store: Store, tell: Callable[[str], None], limits: Limits) -> list[Entry]:
    """A folder's entries and those of its archives' members, sorted by path. tell: is told what takes long.

    A file that lies in the folder wins over a member of the same name. Raises UserError for an archive that is broken,
    not safe or over the limits, and for members of two archives that contend for one name.
    """
    listed = {entry.path: entry for entry in entries}
    inside: dict[str, Entry] = {}
    for archive in archives_of(listed.values()):
        folder = PurePosixPath(archive.path).parent
        for member in _members(archive, store, tell, _Room(archive, limits, inside.values())):
            entry = member._replace(path=str(folder / member.path))
            if inside.setdefault(entry.path, entry).digest != entry.digest and entry.path not in listed:
                raise refused(archive, f"holds another {entry.path} than an archive before it")
    return sorted((inside | listed).values())


def _members(archive: Archive, store: Store, tell: Callable[[str], None], room: _Room) -> list[Entry]:
    """Entries of an archive's members, relative to the archive's folder; unpacked if they are not there."""
    place = store.root / "unpacked" / archive.digest
    members = _unpacked(place, store)
    if members is None:
        with lease(place.with_name(f"{archive.digest}.lease"), lambda holder: tell(f"waiting for {holder}")):
            members = _unpacked(place, store)  # by the run we waited for
            if members is None:
                tell(f"unpacking {archive.path}, {archive.size} bytes")
                return _unpack(archive, store, place, room)
    room.take(sum(member.size for member in members), len(members))
    return members


def _unpacked(place: Path, store: Store) -> list[Entry] | None:
    """The members as an earlier run listed them, if all of their bytes are still there."""
    if not is_listed(place):
        return None
    members = read_entries(place)
    paths = [str(blob_path(store.blobs, member.digest)) for member in members]
    try:
        states = {path: State.of(os.stat(path)) for path in paths}
    except FileNotFoundError:
        return None
    digests = store.index.digests(states, workers=1)
    whole = all(digests[path] == member.digest for path, member in zip(paths, members, strict=True))
    return members if whole else None


def _unpack(archive: Archive, store: Store, place: Path, room: _Room) -> list[Entry]:
    """Write every member to its digest and then the listing. What a killed run left half written is removed first."""
    work = place.with_name(f"{archive.digest}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        with told_plainly(archive):
            found = members_of(archive, store.blobs)
            members = sorted(_write(member, store, work / "member", room) for member in found)
    finally:
        shutil.rmtree(work)
    store.index.remember_all({str(blob_path(store.blobs, entry.digest)): entry.digest for entry in members})
    write_listing(place, members)
    return members


def _write(member: Member, store: Store, temporary: Path, room: _Room) -> Entry:
    """Stream a member to its digest, unless the same bytes are there already."""
    room.take(0, members=1)
    sha256, size = hashlib.sha256(), 0
    with member.open() as source, temporary.open("wb") as target:
        while chunk := source.read(_CHUNK):
            room.take(len(chunk))
            size += len(chunk)
            sha256.update(chunk)
            target.write(chunk)
    digest = sha256.hexdigest()
    place = blob_path(store.blobs, digest)
    if not (place.exists() and store.index.digest(place) == digest):
        move_in(store.blobs, temporary, digest)
    return Entry(member.name, digest, size)
