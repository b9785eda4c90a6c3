"""What is so on a disk of 300 kB: `python -m tests.storage.small_disk CHECK FOLDER` mounts one and passes a check.

For a process that has mounts of its own, so that no other sees this one.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.runtime import Runtime
from schemas.values import UserError
from storage import names, runs, verifying
from storage.store import Store
from tests.stages import Note, how, made, note, one_line
from tests.storage.test_disk_faults import MOUNT, found_by_rerun, shards


def full(disk: Path) -> None:
    """It is told in one line, and a rerun goes on."""
    with pytest.raises(UserError, match=r"is full \(No space left on device") as caught:
        shards(Note(text=""), Runtime(store=str(disk / "store")))
    one_line(caught.value)
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    assert found_by_rerun(disk / "store") == [".work", "first"]


def filled(disk: Path) -> None:
    """It loses nothing that was there."""
    store = Store(disk / "store")
    runtime = Runtime(store=str(store.root))
    first = made(note(Note(text="a"), runtime))
    names.give(store, "demo/note", first)
    with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
        while True:
            filler.write(b"x" * 4096)
    for attempt in (
        lambda: note(Note(text="b" * 5000), runtime),
        lambda: [names.give(store, f"demo/{number}", first) for number in range(500)],
        lambda: [runs.note(store, f"run-{number}", first, "made") for number in range(500)],
    ):
        with pytest.raises(UserError, match="is full") as caught:
            attempt()
        one_line(caught.value)
    (disk / "filler").unlink()
    assert names.find(store, "demo/note") == first
    assert all(line.artifact == first for line in runs.lines(store))
    assert how(note(Note(text="b" * 5000), runtime)) == "Completed"
    assert [lines for lines in verifying.verify(store) if lines] == []


def closed(disk: Path) -> None:
    """That it may only be read is told in one line."""
    Store(disk / "store").index.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name in ("store", "another"):
        with pytest.raises(UserError, match=r"cannot be written \(.*[Rr]ead-?only") as caught:
            Store(disk / name)
        one_line(caught.value)


CHECKS = {check.__name__: check for check in (full, filled, closed)}

if __name__ == "__main__":
    chosen, place = sys.argv[1:]
    subprocess.run([*MOUNT, place], check=True)
    CHECKS[chosen](Path(place))
