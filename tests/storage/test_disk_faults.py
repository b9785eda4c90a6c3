"""A disk that is full, read-only or not a folder: one line, and nothing is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from llm.log import open_log
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import names, runs, verifying
from storage.disk_faults import told_plainly
from storage.draft import Draft
from storage.files import write_text
from storage.store import Store
from tasks.stage import stage
from tests.stages import Note, how, made, note, one_line

ROOT = Path(__file__).parents[2]
LIMITED = """
import resource, sys
from schemas.runtime import Runtime
from schemas.values import UserError
from tasks.stage import stage
from tests.stages import Note
from tests.storage.test_disk_faults import shards

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    shards(Note(text=""), Runtime(store=sys.argv[1]))
except UserError as error:
    print(error)
"""


@stage(version="1", kind="folder")
def shards(draft: Draft, params: Note, runtime: Runtime) -> None:
    """Two files, of which one that is there is not written again."""
    draft.notes["found"] = sorted(path.name for path in draft.folder.glob("*"))
    for name, size in (("first", 1_000), ("second", 400_000)):
        if not (draft.folder / name).exists():
            write_text(draft.folder / name, "x" * size)


def found_by_rerun(store: Path) -> object:
    """What a rerun found of the run before, after it has gone to its end."""
    artifact = made(shards(Note(text=""), Runtime(store=str(store))))
    assert list(verifying.verify(Store(store))) == [[]]
    return Store(store).manifest(artifact).notes["found"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk may be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_full_disk_is_told_in_one_line_and_a_rerun_goes_on(tmp_path: Path) -> None:
    """A limit on a file's size stands for the disk's, which not everybody may mount."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"the disk of store {tmp_path / 'store'} is full (File too large")
    assert line.endswith("run again, which goes on from what was finished")
    assert found_by_rerun(tmp_path / "store") == [".work", "first"]


def test_disk_that_is_really_full_is_told_in_one_line_and_a_rerun_goes_on(small_disk: Path) -> None:
    with pytest.raises(UserError, match=r"is full \(No space left on device") as caught:
        shards(Note(text=""), Runtime(store=str(small_disk / "store")))
    one_line(caught.value)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert found_by_rerun(small_disk / "store") == [".work", "first"]


def test_full_disk_loses_nothing_that_was_there(small_disk: Path) -> None:
    store = Store(small_disk / "store")
    runtime = Runtime(store=str(store.root))
    first = made(note(Note(text="a"), runtime))
    names.give(store, "demo/note", first)
    with (small_disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
        while True:
            filler.write(b"x" * 4096)
    told = []
    for attempt in (
        lambda: note(Note(text="b" * 5000), runtime),
        lambda: [names.give(store, f"demo/{number}", first) for number in range(500)],
        lambda: [runs.note(store, f"run-{number}", first, "made") for number in range(500)],
    ):
        with pytest.raises(UserError, match="is full") as caught:
            attempt()
        told.append(one_line(caught.value))
    (small_disk / "filler").unlink()
    assert len(told) == 3
    assert names.find(store, "demo/note") == first
    assert all(line.artifact == first for line in runs.lines(store))
    assert how(note(Note(text="b" * 5000), runtime)) == "Completed"
    assert [lines for lines in verifying.verify(store) if lines] == []


def test_disk_that_may_only_be_read_is_told_in_one_line(small_disk: Path) -> None:
    Store(small_disk / "store").index.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for name in ("store", "another"):
        with pytest.raises(UserError, match=r"cannot be written \(.*[Rr]ead-?only") as caught:
            Store(small_disk / name)
        one_line(caught.value)


@pytest.mark.parametrize("damage", [slice(0, 100), slice(5_000, 12_000)])
def test_damaged_response_log_is_told_in_one_line_by_who_reads_it(tmp_path: Path, damage: slice) -> None:
    log = tmp_path / "responses.sqlite"
    with closing(open_log(log)) as connection:
        for number in range(200):
            connection.execute("INSERT INTO responses (identity, text) VALUES (?, ?)", (str(number), "x" * 200))
    content = bytearray(log.read_bytes())
    content[damage] = b"\xff" * len(content[damage])
    log.write_bytes(content)
    with (
        pytest.raises(UserError, match=r"is damaged|cannot be opened") as caught,
        told_plainly(tmp_path),
        closing(open_log(log)) as connection,
    ):
        connection.execute("SELECT identity, text FROM responses").fetchall()
    one_line(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\)") as caught:
        Store(tmp_path / "store")
    one_line(caught.value)


def test_store_that_is_a_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    for place in (tmp_path / "store", tmp_path / "store" / "deeper"):
        with pytest.raises(UserError, match=r"is a file|Not a directory") as caught:
            Store(place)
        one_line(caught.value)
