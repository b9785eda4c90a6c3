"""Digests of outside files: read once, and again only when the file may have changed."""

import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.digests import DigestIndex, State
from storage.store import Store

ROOT = Path(__file__).parents[2]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.txt"
    path.write_text("before")
    return path


def change_unseen(path: Path, text: str) -> None:
    """Other bytes behind the same size, time and inode."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def seen(paths: list[Path]) -> dict[str, State]:
    return {str(path): State.of(path.stat()) for path in paths}


def test_digest_is_remembered_while_size_time_and_inode_are_the_same(tmp_path: Path, file: Path) -> None:
    index = DigestIndex(tmp_path / "index.sqlite")
    assert index.digest(file) == sha("before")
    change_unseen(file, "after!")
    assert index.digest(file) == sha("before")


def test_digest_is_remembered_by_the_next_index(tmp_path: Path, file: Path) -> None:
    DigestIndex(tmp_path / "index.sqlite").digest(file)
    change_unseen(file, "after!")
    assert DigestIndex(tmp_path / "index.sqlite").digest(file) == sha("before")


def test_rehash_reads_again_and_remembers_what_it_read(tmp_path: Path, file: Path) -> None:
    DigestIndex(tmp_path / "index.sqlite").digest(file)
    change_unseen(file, "after!")
    assert DigestIndex(tmp_path / "index.sqlite", reread=True).digest(file) == sha("after!")
    assert DigestIndex(tmp_path / "index.sqlite").digest(file) == sha("after!")


@pytest.mark.parametrize("change", ["time", "size", "inode"])
def test_changed_state_is_read_again(tmp_path: Path, file: Path, change: str) -> None:
    index = DigestIndex(tmp_path / "index.sqlite")
    index.digest(file)
    if change == "time":
        file.write_text("after!")
        os.utime(file, ns=(1, 1))
    elif change == "size":
        change_unseen(file, "longer than before")
    else:
        before, other = file.stat(), tmp_path / "other"
        other.write_text("after!")
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(file)
    assert index.digest(file) == sha(file.read_text()) != sha("before")


def test_many_files_keep_their_order_and_only_changed_ones_are_read(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.txt" for number in (3, 1, 2)]
    for path in paths:
        path.write_text("before")
    DigestIndex(tmp_path / "index.sqlite").digests(seen(paths[:2]), workers=3)
    for path in paths:
        change_unseen(path, "after!")
    found = DigestIndex(tmp_path / "index.sqlite").digests(seen(paths), workers=3)
    assert list(found.items()) == list(zip(map(str, paths), map(sha, ("before", "before", "after!")), strict=True))


def test_file_that_changed_since_it_was_seen_is_not_remembered(tmp_path: Path, file: Path) -> None:
    index, before = DigestIndex(tmp_path / "index.sqlite"), seen([file])
    file.write_text("longer than before")
    assert index.digests(before, workers=1) == {str(file): sha("longer than before")}
    change_unseen(file, "LONGER THAN BEFORE")
    assert index.digest(file) == sha("LONGER THAN BEFORE")


def test_digests_of_written_files_are_remembered_together(tmp_path: Path, file: Path) -> None:
    index = DigestIndex(tmp_path / "index.sqlite")
    index.remember_all({str(file): sha("as it was written")})
    assert index.digest(file) == sha("as it was written")


def test_many_may_open_and_close_it_at_once(tmp_path: Path) -> None:
    opener = "import sys; from pathlib import Path; from storage.digests import DigestIndex\n" + (
        "for turn in range(200): DigestIndex(Path(sys.argv[1]) / f'{turn}.sqlite').close()"
    )
    command = [sys.executable, "-c", opener, str(tmp_path)]
    crowd = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [one.wait() for one in crowd] == [0] * 4


def test_threads_may_open_one_store_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for turn in range(50):
            place, gate = tmp_path / str(turn), threading.Barrier(4)
            opened = list(pool.map(lambda _: gate.wait() >= 0 and Store(place), range(4)))  # noqa: B023  it is awaited
            assert len(opened) == 4


def test_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        DigestIndex(tmp_path / "index.sqlite").digest(tmp_path / "none")
