"""Archives in a dataset's folder: unpacked once, safely, and listed as if they had been unpacked in place."""

import gzip
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from media.blobs import blob_path
from schemas.values import UserError
from storage.folder import Entry, list_folder, tree_digest
from storage.room import Limits
from storage.store import Store
from storage.unpacking import unpack_all
from tests.stages import files_below, one_line

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from storage import unpacking
from storage.folder import list_folder
from storage.room import Limits
from storage.store import Store

def move_in(*arguments):
    if any(Path(sys.argv[2], "blobs").glob("*/*")):
        os.kill(os.getpid(), signal.SIGKILL)
    move(*arguments)

move, unpacking.move_in = unpacking.move_in, move_in
store = Store(sys.argv[2])
entries = list_folder(Path(sys.argv[1]), store.blobs, store.index, 1)
unpacking.unpack_all(entries, store, print, Limits())
"""
"""Unpacks into a store and is killed when it has a member there and another half written."""

CLIPS = {"videos/one.mp4": b"one " * 1000, "videos/on sundays/two.mp4": b"two " * 1000, "notes.json": b"{}"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset's folder with a table in it."""
    place = tmp_path / "dataset"
    place.mkdir()
    (place / "qa.json").write_text("[]")
    return place


def unpacked(root: Path, store: Store, limits: Limits | None = None) -> list[Entry]:
    """The folder's entries with the members of its archives."""
    return unpack_all(list_folder(root, store.blobs, store.index, 1), store, print, limits or Limits())


def contents(entries: list[Entry], store: Store) -> dict[str, bytes]:
    """Bytes by name, of everything but the archives."""
    kept = (entry for entry in entries if ".zip" not in entry.path and ".tar" not in entry.path)
    return {entry.path: blob_path(store.blobs, entry.digest).read_bytes() for entry in kept}


def zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(members: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("videos")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def linked(kind: bytes, target: str) -> bytes:
    """A tar with a file and a link to `target`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("clip.mp4")
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return stream.getvalue()


def zip_with_link(target: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        member = zipfile.ZipInfo("clip.mp4")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, target)
    return stream.getvalue()


def doubled() -> bytes:
    """A zip with the same name twice: the second member's name is changed in place."""
    return zipped({"clip.mp4": b"a", "clop.mp4": b"b"}).replace(b"clop", b"clip")


def encrypted() -> bytes:
    """A zip whose only member is marked as encrypted, in its own header and in the directory."""
    content = bytearray(zipped({"clip.mp4": b"secret"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("set.zip", zipped(CLIPS)),
        ("SET.ZIP", zipped(CLIPS)),
        ("set.tar", tarred(CLIPS, "w")),
        ("set.tar.gz", tarred(CLIPS)),
        ("set.tgz", tarred({f"./{name}": content for name, content in CLIPS.items()})),
    ],
)
def test_members_are_listed_as_if_unpacked_in_place(root: Path, store: Store, name: str, content: bytes) -> None:
    (root / "Part 1").mkdir()
    (root / "Part 1" / name).write_bytes(content)
    entries = unpacked(root, store)
    beside = {f"Part 1/{member}": content for member, content in CLIPS.items()}
    shown = {entry.path for entry in entries}
    assert shown == {"qa.json", f"Part 1/{name}", *beside}
    assert {entry.path: entry.size for entry in entries if entry.path in beside} == {
        member: len(content) for member, content in beside.items()
    }
    assert beside.items() <= {path: contents(entries, store).get(path) for path in beside}.items()
    assert [path.name for path in (root / "Part 1").iterdir()] == [name]


def test_split_zip_is_read_across_its_parts(root: Path, store: Store) -> None:
    whole = zipped({"videos/noise.bin": os.urandom(200_000), **CLIPS})
    for number, start in enumerate(range(0, len(whole), 70_000), start=1):
        (root / f"videos.zip.{number:03d}").write_bytes(whole[start : start + 70_000])
    assert CLIPS.items() <= contents(unpacked(root, store), store).items()


def test_split_zip_that_lacks_a_part_is_refused_by_the_parts_name(root: Path, store: Store) -> None:
    for number in (1, 3):
        (root / f"videos.zip.{number:03d}").write_bytes(b"part")
    with pytest.raises(UserError, match=r"videos\.zip lacks its part videos\.zip\.002") as caught:
        unpacked(root, store)
    one_line(caught.value)


def harmed(content: bytes, *places: int) -> bytes:
    """The same with some bytes turned around."""
    damaged = bytearray(content)
    for place in places:
        damaged[place] ^= 0xFF
    return bytes(damaged)


def packed(method: int) -> bytes:
    """A zip compressed by one of the methods it knows."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("clip.mp4", bytes(range(256)) * 400)
    return stream.getvalue()


def described(headers: Mapping[str, str]) -> bytes:
    """A tar whose member has such extended headers."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("clip.mp4")
        member.size, member.pax_headers = 600, dict(headers)
        archive.addfile(member, io.BytesIO(b"x" * 600))
    return stream.getvalue()


def named_at_length(size: int, times: int = 1) -> bytes:
    """A tar of headers that say: the next name has so many bytes."""
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, size
    return (name.tobuf(tarfile.GNU_FORMAT) + b"n" * size + bytes(-size % 512)) * times + tarred(CLIPS, "w")


SAME_SIZE = tarred({f"{number}.mp4": b"x" * 600 for number in range(5)}, "w")
"""A folder's header of 512 bytes, then five members of 1536."""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tar", harmed(SAME_SIZE, 512 + 2 * 1536 + 150), "damaged or cut short"),
        ("a.tar", SAME_SIZE[: 512 + 2 * 1536], "damaged or cut short"),
        ("a.tar.gz", gzip.compress(SAME_SIZE[: 512 + 2 * 1536]), "damaged or cut short"),
        ("a.tar", named_at_length(2 << 20), "header is longer than"),
        ("a.tar.gz", gzip.compress(named_at_length(2 << 20)), "header is longer than"),
        ("a.tar", named_at_length(4, times=900), "header is longer than|recursion"),
        ("a.tar", described({"size": "-1024"}), "leads back"),
        ("a.tar", described({"GNU.sparse.map": "a,b", "GNU.sparse.size": "10"}), "cannot be unpacked"),
        ("a.zip", harmed(packed(zipfile.ZIP_LZMA), *range(45, 60)), "cannot be unpacked"),
        ("a.zip", harmed(packed(zipfile.ZIP_BZIP2), *range(45, 60)), "cannot be unpacked"),
        ("a.zip", zipped({"clip é.mp4": b"x"}).replace("é".encode(), b"\xff\xfe"), "cannot be unpacked"),
        ("a.zip", zipped({".": b"x"}), "'.', which names no file"),
        ("a.tar", tarred({"./.": b"x"}, "w"), "'./.', which names no file"),
        ("a.zip", zipped({"../../escape.mp4": b"x"}), r"'\.\./\.\./escape\.mp4', which leads out"),
        ("a.zip", zipped({"clips/../../escape.mp4": b"x"}), "which leads out"),
        ("a.zip", zipped({"/etc/escape.mp4": b"x"}), "'/etc/escape.mp4', which leads out"),
        ("a.zip", zipped({"C:/escape.mp4": b"x"}), "which leads out"),
        ("a.zip", zipped({"clips\\one.mp4": b"x"}), "backslash"),
        ("a.zip", zipped({"one\n.mp4": b"x"}), "no text"),
        ("a.zip", zip_with_link("../../outside"), "'clip.mp4', which is a link"),
        ("a.zip", doubled(), "two files called 'clip.mp4'"),
        ("a.zip", encrypted(), "'clip.mp4', which is encrypted"),
        ("a.zip", zipped(CLIPS)[:-30], "cannot be unpacked"),
        ("a.zip", zipped(CLIPS).replace(b"PK\x03\x04", b"PK\x03\x05"), "cannot be unpacked"),
        ("a.tar", tarred({"../escape.mp4": b"x"}, "w"), "which leads out"),
        ("a.tar", tarred({"/escape.mp4": b"x"}, "w"), "which leads out"),
        ("a.tar", tarred({"one.mp4": b"x", "./one.mp4": b"y"}, "w"), "two files called 'one.mp4'"),
        ("a.tar", linked(tarfile.SYMTYPE, "/etc/passwd"), "'clip.mp4', which is a link"),
        ("a.tar", linked(tarfile.LNKTYPE, "../outside"), "'clip.mp4', which is a link"),
        ("a.tar", linked(tarfile.CHRTYPE, ""), "'clip.mp4', which is a link or a device"),
        ("a.tar", tarred(CLIPS, "w")[:3000], "cannot be unpacked"),
        ("a.tar.gz", tarred(CLIPS)[:-60], "cannot be unpacked"),
        ("a.tar.gz", tarred(CLIPS)[:-8] + bytes(8), "cannot be unpacked"),
        ("a.tar.gz", b"no archive", "cannot be unpacked"),
    ],
)
def test_archive_that_is_broken_or_not_safe_is_refused_by_name(
    root: Path, store: Store, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (root / name).write_bytes(content)
    before = {path for path in tmp_path.rglob("*") if store.root not in path.parents}
    with pytest.raises(UserError, match=said) as caught:
        unpacked(root, store)
    assert f"archive {name} " in one_line(caught.value) and "unpack: false" in str(caught.value)
    assert {path for path in tmp_path.rglob("*") if store.root not in path.parents} == before
    assert list((store.root / "unpacked").glob("*/*")) == []


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_bomb_is_stopped_while_it_swells(
    root: Path, store: Store, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    (root / f"bomb{'.zip' if pack is zipped else '.tar.gz'}").write_bytes(pack({"zeros.bin": bytes(40 << 20)}))
    with pytest.raises(UserError, match=r"archive bomb.* swells from \d+ bytes to more than 100 times"):
        unpacked(root, store, Limits(ratio_from=1 << 20))
    assert max(path.stat().st_size for path in store.root.rglob("*")) < 10 << 20


def test_what_is_skipped_or_lies_behind_the_end_swells_too(root: Path, store: Store) -> None:
    for name, content in (
        ("hidden", tarred({".hidden": bytes(40 << 20)}, "w")),
        ("behind", SAME_SIZE + bytes(40 << 20)),
    ):
        (root / f"{name}.tar.gz").write_bytes(gzip.compress(content))
        with pytest.raises(UserError, match=rf"archive {name}\.tar\.gz swells from"):
            unpacked(root, store, Limits(ratio_from=1 << 20))
        (root / f"{name}.tar.gz").unlink()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_hidden_members_are_counted(root: Path, store: Store, pack: Callable[[Mapping[str, bytes]], bytes]) -> None:
    content = pack({"one.mp4": b"1"} | {f".hidden {number}": b"x" for number in range(20)})
    (root / f"a{'.zip' if pack is zipped else '.tar.gz'}").write_bytes(content)
    with pytest.raises(UserError, match="takes the source over 10 unpacked files"):
        unpacked(root, store, Limits(members=10))


@pytest.mark.parametrize("limits", [Limits(size=9000), Limits(members=4)])
def test_limits_hold_for_all_archives_of_a_source_also_when_they_were_unpacked_before(
    root: Path, store: Store, limits: Limits
) -> None:
    for part in ("one", "two"):
        (root / f"{part}.zip").write_bytes(zipped({f"{part}/{name}": content for name, content in CLIPS.items()}))
    for _ in range(2):
        with pytest.raises(UserError, match=r"archive two\.zip takes the source over"):
            unpacked(root, store, limits)
        assert len(unpacked(root, store)) == 3 + 2 * len(CLIPS)


def test_hidden_members_are_left_out_like_hidden_files(root: Path, store: Store) -> None:
    (root / "a.zip").write_bytes(zipped({"one.mp4": b"1", ".DS_Store": b"x", "__MACOSX/._one.mp4": b"x"}))
    (root / "b.zip").write_bytes(zipped({"two.mp4": b"2", ".DS_Store": b"y"}))
    assert contents(unpacked(root, store), store) == {"qa.json": b"[]", "one.mp4": b"1", "two.mp4": b"2"}


def test_file_that_lies_in_the_folder_wins_over_a_member(root: Path, store: Store) -> None:
    (root / "a.zip").write_bytes(zipped({"qa.json": b"older"}))
    assert contents(unpacked(root, store), store) == {"qa.json": b"[]"}


def test_two_archives_may_share_a_file_but_not_a_name(root: Path, store: Store) -> None:
    (root / "a.zip").write_bytes(zipped({"README": b"read me", "one.mp4": b"1"}))
    (root / "b.zip").write_bytes(zipped({"README": b"read me", "two.mp4": b"2"}))
    assert set(contents(unpacked(root, store), store)) == {"qa.json", "README", "one.mp4", "two.mp4"}
    (root / "c.zip").write_bytes(zipped({"README": b"read me too"}))
    with pytest.raises(UserError, match=r"archive c\.zip holds another README"):
        unpacked(root, store)


def test_second_listing_writes_nothing_and_says_the_same(root: Path, store: Store) -> None:
    (root / "a.tar.gz").write_bytes(tarred(CLIPS))
    first = unpacked(root, store)
    times = {path: path.lstat().st_mtime_ns for path in store.root.rglob("*") if ".index" not in path.parts}
    assert unpacked(root, Store(store.root)) == first
    assert {path: path.lstat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize("lost", ["unpacked", "blobs"])
def test_listing_stays_when_what_was_unpacked_is_lost_or_the_store_moves(
    root: Path, store: Store, tmp_path: Path, lost: str
) -> None:
    (root / "a.zip").write_bytes(zipped(CLIPS))
    first = unpacked(root, store)
    (store.root / lost).rename(tmp_path / "lost")
    assert unpacked(root, store) == first
    store.index.close()
    store.root.rename(tmp_path / "moved")
    moved = Store(tmp_path / "moved")
    assert unpacked(root, moved) == first
    assert CLIPS.items() <= contents(first, moved).items()


def test_member_that_was_harmed_in_the_store_is_unpacked_anew(root: Path, store: Store) -> None:
    (root / "a.zip").write_bytes(zipped(CLIPS))
    first = unpacked(root, store)
    victim = next(entry for entry in first if entry.path == "videos/one.mp4")
    blob_path(store.blobs, victim.digest).write_bytes(b"cut short")
    assert unpacked(root, store) == first
    assert contents(first, store)["videos/one.mp4"] == CLIPS["videos/one.mp4"]


def test_folder_unpacked_by_hand_has_the_same_files_and_takes_no_second_copy(root: Path, store: Store) -> None:
    (root / "a.zip").write_bytes(zipped(CLIPS))
    first = unpacked(root, store)
    other = Store(store.root.with_name("other"))
    with zipfile.ZipFile(root / "a.zip") as archive:
        archive.extractall(root)
    assert tree_digest(unpacked(root, other)) == tree_digest(first)
    assert [path for path in other.blobs.glob("*/*") if not path.is_symlink()] == []


def test_kill_halfway_leaves_no_listing_and_the_next_run_starts_over(root: Path, store: Store) -> None:
    (root / "a.zip").write_bytes(zipped(CLIPS))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(root), str(store.root)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = files_below(store.root / "unpacked")
    assert any(".part/" in name for name in left) and not any(name.endswith(".parquet") for name in left)
    assert CLIPS.items() <= contents(unpacked(root, store), store).items()
    assert list((store.root / "unpacked").glob("*.part")) == []
