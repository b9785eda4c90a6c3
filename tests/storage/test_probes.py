"""A file is probed once: what is known by its digest is not asked again, unless the machine may have been at fault."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from media.probe import PROBE_VERSION, Probe, Unreadable
from storage.probes import Answer, ProbeCache
from storage.store import Store

ROOT = Path(__file__).parents[2]
PICTURE = Probe(kind="image", frames=1, width=30, height=20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    Image.new("RGB", (30, 20)).save(tmp_path / "picture.png")
    (tmp_path / "broken.mp4").write_bytes(b"no medium")
    return {"aa": tmp_path / "picture.png", "bb": tmp_path / "broken.mp4"}


def ask(
    store: Store, files: dict[str, Path], deadline: float = 30.0, version: int = PROBE_VERSION
) -> dict[str, Answer]:
    with ProbeCache(store.probes, version) as probes:
        return dict(probes.probe_all(files, 1, deadline))


def lose(files: dict[str, Path]) -> None:
    """From now on only what was kept can be told."""
    for path in files.values():
        path.unlink()


def test_answers_of_both_sorts_are_kept_by_digest(store: Store, files: dict[str, Path]) -> None:
    first = ask(store, files)
    assert first["aa"] == PICTURE
    assert isinstance(first["bb"], Unreadable) and first["bb"].reason == "undecodable"
    lose(files)
    assert ask(store, files) == first


def test_a_new_version_of_probing_asks_anew(store: Store, files: dict[str, Path]) -> None:
    ask(store, files)
    lose(files)
    again = ask(store, files, version=PROBE_VERSION + 1)
    assert {answer.reason for answer in again.values() if isinstance(answer, Unreadable)} == {"missing"}
    assert ask(store, files)["aa"] == PICTURE


def test_a_missing_file_is_asked_for_again(store: Store, files: dict[str, Path]) -> None:
    away = files["aa"].rename(files["aa"].with_name("away"))
    assert isinstance(ask(store, files)["aa"], Unreadable)
    away.rename(files["aa"])
    assert ask(store, files)["aa"] == PICTURE


def test_a_file_that_took_too_long_is_asked_again(store: Store, files: dict[str, Path]) -> None:
    late = ask(store, files, deadline=0.00001)["aa"]
    assert isinstance(late, Unreadable) and late.reason == "deadline"
    assert ask(store, files)["aa"] == PICTURE


def test_what_was_answered_before_a_run_ended_is_kept(store: Store, files: dict[str, Path]) -> None:
    with ProbeCache(store.probes) as probes:
        answers = probes.probe_all(files, 1, 30.0)
        digest, answer = next(answers)
        answers.close()  # type: ignore[attr-defined]
    lose(files)
    assert ask(store, files)[digest] == answer


def test_many_may_open_and_close_it_at_once(tmp_path: Path) -> None:
    opener = "import sys; from pathlib import Path; from storage.probes import ProbeCache\n" + (
        "for turn in range(200): ProbeCache(Path(sys.argv[1]) / f'{turn}.sqlite').close()"
    )
    command = [sys.executable, "-c", opener, str(tmp_path)]
    crowd = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [one.wait() for one in crowd] == [0] * 4


def test_known_files_need_no_process(store: Store, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(store, files)
    monkeypatch.setattr("media.worker.sys.executable", "/nowhere/python")
    assert ask(store, files) == first
