"""A source: what it lists of a folder, and what makes it another one."""

import shutil
import zipfile
from pathlib import Path

import pytest

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.folder import read_listing
from storage.store import Store
from tasks.source import SourceParams, SourceRuntime, source
from tests.stages import how, made, one_line


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"), workers=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a table and an archive of two clips."""
    place = tmp_path / "set"
    place.mkdir()
    (place / "qa.json").write_text("[]")
    with zipfile.ZipFile(place / "videos.zip", "w") as archive:
        for number in (1, 2):
            archive.writestr(f"videos/{number}.mp4", f"clip {number}" * 100)
    return place


def listed(root: Path, runtime: Runtime, max_unpacked_gb: float = 1.0, **params: object) -> object:
    where = SourceRuntime(**runtime.model_dump(), folder=str(root), max_unpacked_gb=max_unpacked_gb)
    return source.fn(SourceParams.model_validate({"dataset": "video_r1", "revision": "local"} | params), None, where)


def names(artifact: Artifact, runtime: Runtime) -> list[str]:
    store = Store(runtime.store)
    return read_listing(store.folder(artifact), store.blobs).names()


def test_members_of_archives_are_files_of_the_source(root: Path, runtime: Runtime) -> None:
    artifact = made(listed(root, runtime))
    assert names(artifact, runtime) == ["qa.json", "videos.zip", "videos/1.mp4", "videos/2.mp4"]
    store = Store(runtime.store)
    assert read_listing(store.folder(artifact), store.blobs).local("videos/2.mp4").read_text() == "clip 2" * 100
    assert how(listed(root, runtime)) == "Reused"


def test_archives_stay_packed_where_the_source_says_so(root: Path, runtime: Runtime) -> None:
    assert names(made(listed(root, runtime, unpack=False)), runtime) == ["qa.json", "videos.zip"]
    assert not (Path(runtime.store) / "unpacked").exists()


def test_archive_that_no_pattern_names_is_not_unpacked(root: Path, runtime: Runtime) -> None:
    assert names(made(listed(root, runtime, files=("*.json",))), runtime) == ["qa.json"]
    assert not (Path(runtime.store) / "unpacked").exists()


def test_archives_that_hold_too_much_stop_the_run_and_name_the_limit(root: Path, runtime: Runtime) -> None:
    with pytest.raises(
        UserError, match=r"videos\.zip takes the source over 1000 unpacked bytes.*max_unpacked_gb"
    ) as caught:
        listed(root, runtime, max_unpacked_gb=1e-6)
    one_line(caught.value)
    assert list(Store(runtime.store).manifests()) == []


def test_source_is_reused_when_all_that_was_unpacked_is_lost(root: Path, runtime: Runtime) -> None:
    before = made(listed(root, runtime))
    shutil.rmtree(Path(runtime.store) / "unpacked")
    shutil.rmtree(Path(runtime.store) / "blobs")
    again = listed(root, runtime)
    assert (made(again), how(again)) == (before, "Reused")
    store = Store(runtime.store)
    assert read_listing(store.folder(before), store.blobs).local("videos/1.mp4").read_text() == "clip 1" * 100


def test_what_the_machine_leaves_in_a_folder_makes_no_other_source(root: Path, runtime: Runtime) -> None:
    before = made(listed(root, runtime))
    (root / ".cache").mkdir()
    (root / ".cache" / "note").write_text("of some program")
    assert made(listed(root, runtime)) == before
    (root / "more.json").write_text("[]")
    assert made(listed(root, runtime)) != before
