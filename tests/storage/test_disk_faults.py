"""A disk that is full, read-only or not a folder: one line, and nothing is lost."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from llm.log import open_log
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import verifying
from storage.disk_faults import told_plainly
from storage.draft import Draft
from storage.files import write_text
from storage.store import Store
from tasks.stage import stage
from tests.stages import Note, made, one_line

ROOT = Path(__file__).parents[2]
MOUNT = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs"]
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

OPENED = """
import sys
from schemas.values import UserError
from storage.store import Store

try:
    Store(sys.argv[1])
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


@pytest.fixture(scope="session")
def with_own_mounts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs another as one who may mount what nobody else sees: root, or root of a namespace alone."""
    place = str(tmp_path_factory.mktemp("mounted"))
    ways = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])
    said = {shlex.join(way): why_not([*way, *MOUNT, place]) for way in ways}
    for way in ways:
        if not said[shlex.join(way)]:
            return way
    pytest.skip(f"no disk may be mounted here: {said}")


def why_not(command: list[str]) -> str:
    """Why a command cannot be run here; empty where it can."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@pytest.fixture
def on_small_disk(with_own_mounts: list[str], tmp_path: Path) -> Callable[[str], None]:
    """Passes one of the checks of `tests.storage.small_disk`."""

    def on(check: str) -> None:
        command = [sys.executable, "-m", "tests.storage.small_disk", check, str(tmp_path)]
        done = subprocess.run([*with_own_mounts, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return on


def test_full_disk_is_told_in_one_line_and_a_rerun_goes_on(tmp_path: Path) -> None:
    """A limit on a file's size stands for the disk's, which not everybody may mount."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"the disk of store {tmp_path / 'store'} is full (File too large")
    assert line.endswith("run again, which goes on from what was finished")
    assert found_by_rerun(tmp_path / "store") == [".work", "first"]


def test_disk_that_is_really_full_is_told_in_one_line_and_a_rerun_goes_on(on_small_disk: Callable[[str], None]) -> None:
    on_small_disk("full")


def test_full_disk_loses_nothing_that_was_there(on_small_disk: Callable[[str], None]) -> None:
    on_small_disk("filled")


def test_disk_that_may_only_be_read_is_told_in_one_line(on_small_disk: Callable[[str], None]) -> None:
    on_small_disk("closed")


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


def test_folder_that_may_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    line = opened_by_owner(tmp_path / "store")
    assert line == (
        f"store {tmp_path / 'store'} cannot be written (Permission denied): set CONTEXTFIRST_STORE or --store to a "
        "folder that can"
    )


def opened_by_owner(store: Path) -> str:
    """What opening a store prints. Root may write everywhere, unless it is nobody in a namespace of its own."""
    way = [] if os.geteuid() else ["unshare", "--user"]
    if why := why_not([*way, "true"]):
        pytest.skip(f"root cannot do without its rights here: {why}")
    command = [*way, sys.executable, "-c", OPENED, str(store)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    return line


def test_store_that_is_a_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    for place in (tmp_path / "store", tmp_path / "store" / "deeper"):
        with pytest.raises(UserError, match=r"is a file|Not a directory") as caught:
            Store(place)
        one_line(caught.value)
