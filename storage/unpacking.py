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
from storage.archives import Archive, archives_of, refused, told_plainly
from storage.blobs import move_in
from storage.digests import State
from storage.draft import lease
from storage.folder import Entry, is_listed, read_entries, write_listing
from storage.members import Member, members_of
from storage.room import Limits, Room
from storage.store import Store

_CHUNK = 1 << 20


def unpack_all(entries: Iterable[Entry], store: Store, tell: Callable[[str], None], limits: Limits) -> list[Entry]:
    """A folder's entries and those of its archives' members, sorted by path. tell: is told what takes long.

    A file that lies in the folder wins over a member of the same name. Raises UserError for an archive that is broken,
    not safe or over the limits, and for members of two archives that contend for one name.
    """
    listed = {entry.path: entry for entry in entries}
    inside: dict[str, Entry] = {}
    for archive in archives_of(listed.values()):
        folder = PurePosixPath(archive.path).parent
        for member in _members(archive, store, tell, Room(archive, limits, inside.values())):
            entry = member._replace(path=str(folder / member.path))
            if inside.setdefault(entry.path, entry).digest != entry.digest and entry.path not in listed:
                raise refused(archive, f"holds another {entry.path} than an archive before it")
    return sorted((inside | listed).values())


def _members(archive: Archive, store: Store, tell: Callable[[str], None], room: Room) -> list[Entry]:
    """Entries of an archive's members, relative to the archive's folder; unpacked if they are not there."""
    place = store.root / "unpacked" / archive.digest
    members = _unpacked(place, store)
    if members is None:
        with lease(place.with_name(f"{archive.digest}.lease"), lambda holder: tell(f"waiting for {holder}")):
            members = _unpacked(place, store)  # by the run we waited for
            if members is None:
                tell(f"unpacking {archive.path}, {archive.size} bytes")
                return _unpack(archive, store, place, room)
    room.count(len(members))
    room.take(sum(member.size for member in members))
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


def _unpack(archive: Archive, store: Store, place: Path, room: Room) -> list[Entry]:
    """Write every member to its digest and then the listing. What a killed run left half written is removed first."""
    work = place.with_name(f"{archive.digest}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        with told_plainly(archive):
            found = members_of(archive, store.blobs, room)
            members = sorted(_write(member, store, work / "member", room) for member in found)
    finally:
        shutil.rmtree(work)
    store.index.remember_all({str(blob_path(store.blobs, entry.digest)): entry.digest for entry in members})
    write_listing(place, members)
    return members


def _write(member: Member, store: Store, temporary: Path, room: Room) -> Entry:
    """Stream a member to its digest, unless the same bytes are there already."""
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
