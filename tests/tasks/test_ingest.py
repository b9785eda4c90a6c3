"""From a publisher's folder to examples: every row is an example or a reject, and no row leads out of the folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import tasks.ingest as ingest_module
from corpus.make import CorpusParams, make_corpus
from media.blobs import blob_path
from schemas.artifact import Artifact
from schemas.example import Example, Reject
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.parquet import read_examples, read_rejects, read_rows
from storage.store import Store
from tasks.ingest import IngestRuntime, ingest
from tasks.reading import blocks
from tasks.reading.blocks import IngestParams
from tasks.source import SourceParams, SourceRuntime, source
from tests.stages import how, made, one_line
from tests.training.clips import write_video

FILE = "Video-R1-COT-165k.json"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"), workers=1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    make_corpus(root, CorpusParams(train_questions=12, benchmark_questions=12), workers=1)
    return root


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("clip") / "red.mp4", (220, 30, 30), 400, seconds=0.5).read_bytes()


def listed(folder: Path, runtime: Runtime, dataset: str = "video_r1") -> Any:
    where = SourceRuntime(**runtime.model_dump(exclude={"removals"}), folder=str(folder))
    return source.fn(SourceParams(dataset=dataset, revision="r1"), None, where)


def read(folder: Path, runtime: Runtime, dataset: str = "video_r1", **params: object) -> Artifact:
    reading = IngestParams.model_validate({"dataset": dataset, "revision": "r1"} | params)
    return made(ingest.fn(reading, made(listed(folder, runtime, dataset)), runtime))


def rows(artifact: Artifact, runtime: Runtime) -> tuple[list[Example], list[Reject]]:
    folder = Store(runtime.store).folder(artifact)
    return list(read_examples(folder)), list(read_rejects(folder))


def video_r1(root: Path, *paths: str, **files: bytes) -> Path:
    """A folder with a question about each of the paths, and the given files."""
    asked = [
        {
            "problem_id": number,
            "problem": f"Which colour has square {number}?",
            "data_type": "video",
            "problem_type": "multiple choice",
            "options": ["A. red", "B. blue"],
            "process": "",
            "solution": "<answer>A</answer>",
            "path": path,
            "data_source": "made",
        }
        for number, path in enumerate(paths)
    ]
    root.mkdir(parents=True)
    (root / FILE).write_text(json.dumps(asked))
    for name, content in files.items():
        (root / f"{name}.mp4").write_bytes(content)
    return root


def test_rows_become_examples_with_measured_media(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    artifact = read(video_r1(tmp_path / "set", "red.mp4", red=clip), runtime)
    ((row,), rejects) = rows(artifact, runtime)
    (medium,) = row.media
    assert (row.answer, row.source_revision, rejects) == ("A", "r1", [])
    assert (medium.kind, medium.width, medium.height, medium.has_audio) == ("video", 64, 48, True)
    assert medium.duration is not None and 0.4 < medium.duration < 0.7
    assert blob_path(Store(runtime.store).blobs, medium.digest).read_bytes() == clip


def test_missing_and_undecodable_media_are_rejects_with_reasons(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    junk = b"no clip " * 100
    root = video_r1(tmp_path / "set", "red.mp4", "gone.mp4", "junk.mp4", "none.mp4", red=clip, junk=junk, none=b"")
    artifact = read(root, runtime)
    examples, rejects = rows(artifact, runtime)
    assert [row.media[0].path for row in examples] == ["red.mp4"]
    assert {reject.detail.split()[0].strip(":"): reject.reason for reject in rejects} == {
        "gone.mp4": "missing_media",
        "junk.mp4": "undecodable_media",
        "none.mp4": "empty_media",
    }
    assert all("square" in reject.row for reject in rejects)
    counts = Store(runtime.store).manifest(artifact).rows
    assert (counts.entered, counts.left) == (4, 1)
    assert counts.rejected == {"empty_media": 1, "missing_media": 1, "undecodable_media": 1}


def test_wrong_kind_of_medium_is_a_reject(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", red=clip)
    (root / FILE).write_text((root / FILE).read_text().replace('"data_type": "video"', '"data_type": "image"'))
    _, (reject,) = rows(read(root, runtime), runtime)
    assert (reject.reason, reject.detail) == ("wrong_media_kind", "red.mp4 is video, not image")


def test_benchmark_keeps_rows_whose_media_cannot_be_read(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", "gone.mp4", "junk.mp4", red=clip, junk=b"no clip")
    examples, rejects = rows(read(root, runtime, keep_unreadable=True), runtime)
    assert [row.media[0].path for row in examples] == ["red.mp4", "gone.mp4", "junk.mp4"]
    assert rejects == []
    assert [bool(row.media[0].digest) for row in examples] == [True, False, True]


def test_too_many_rejects_stop_the_run_and_leave_no_artifact(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", "gone.mp4", "lost.mp4", "away.mp4", red=clip)
    with pytest.raises(UserError, match=r"3 of 4 rows .*missing_media 3.*max_reject_share=0.5.*gone\.mp4") as caught:
        read(root, runtime, max_reject_share=0.5)
    one_line(caught.value)
    assert [manifest.stage for manifest in Store(runtime.store).manifests()] == ["source"]
    assert len(rows(read(root, runtime, max_reject_share=0.75), runtime)[1]) == 3


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "clips/../../secret.mp4", "..\\secret.mp4", "C:/secret.mp4", ".."]
)
def test_row_that_leads_out_of_the_folder_stops_the_run_and_is_named(
    tmp_path: Path, runtime: Runtime, clip: bytes, path: str
) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", path, red=clip)
    (tmp_path / "secret.mp4").write_bytes(clip)
    with pytest.raises(UserError, match=r"row .*1.*leads out of the dataset's folder") as caught:
        read(root, runtime, keep_unreadable=True)
    assert repr(path) in one_line(caught.value) and FILE in str(caught.value)
    assert [manifest.stage for manifest in Store(runtime.store).manifests()] == ["source"]


def test_missing_folder_is_a_mistake_and_writes_no_artifact(tmp_path: Path, runtime: Runtime) -> None:
    with pytest.raises(UserError, match="does not exist: download it there") as caught:
        listed(tmp_path / "nowhere", runtime)
    one_line(caught.value)
    assert list(Store(runtime.store).manifests()) == []


def test_folder_of_another_dataset_is_a_mistake(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    with pytest.raises(UserError, match="worldsense") as caught:
        read(video_r1(tmp_path / "set", "red.mp4", red=clip), runtime, dataset="worldsense")
    one_line(caught.value)


def test_unknown_dataset_is_a_mistake_that_lists_the_known_ones(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    with pytest.raises(UserError, match=r"unknown dataset 'video_r2'.*video_r1"):
        read(video_r1(tmp_path / "set", "red.mp4", red=clip), runtime, dataset="video_r2")


def test_moved_folder_is_reused_and_its_media_are_found_again(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", red=clip)
    before = listed(root, runtime)
    (row,), _ = rows(read(root, runtime), runtime)
    root.rename(tmp_path / "moved")
    after = listed(tmp_path / "moved", runtime)
    assert (made(after), how(after)) == (made(before), "Reused")
    assert blob_path(Store(runtime.store).blobs, row.media[0].digest).read_bytes() == clip


def test_changed_file_is_another_source(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", red=clip)
    before = made(listed(root, runtime))
    (root / "red.mp4").write_bytes(clip + b"\0")
    assert made(listed(root, runtime)) != before


def test_video_that_holds_its_own_sound_is_heard_once(corpus: Path, runtime: Runtime) -> None:
    """Daily-Omni ships picture and sound together and the sound again beside it."""
    examples, _ = rows(read(corpus / "benchmarks" / "daily_omni", runtime, dataset="daily_omni"), runtime)
    kinds = {tuple((medium.kind, medium.has_audio) for medium in row.media) for row in examples}
    assert kinds == {(("video", True),)}


def test_silent_video_keeps_the_sound_beside_it(corpus: Path, runtime: Runtime, tmp_path: Path) -> None:
    root = tmp_path / "daily_omni"
    shutil.copytree(corpus / "benchmarks" / "daily_omni", root)
    for path in root.glob("Videos/*/*_video.mp4"):
        write_video(path, (220, 30, 30), None, seconds=0.5)
    examples, _ = rows(read(root, runtime, dataset="daily_omni"), runtime)
    assert {tuple(medium.kind for medium in row.media) for row in examples} == {("video", "audio")}


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("train/omni_instruct", "omni_instruct"),
        ("train/emer", "intent_train"),
        ("train/social_iq2", "social_iq2"),
        ("benchmarks/intentbench", "intentbench"),
    ],
)
def test_rows_of_every_made_dataset_are_accounted_for(corpus: Path, runtime: Runtime, name: str, dataset: str) -> None:
    artifact = read(corpus / name, runtime, dataset=dataset)
    counts = Store(runtime.store).manifest(artifact).rows
    examples, rejects = rows(artifact, runtime)
    assert (len(examples), len(rejects)) == (counts.left, sum(counts.rejected.values()))
    assert counts.entered == counts.left + len(rejects) > 0
    assert all(medium.digest for row in examples for medium in row.media)


def test_every_file_is_described_once_and_sound_that_is_not_there_is_counted(
    tmp_path: Path, runtime: Runtime, clip: bytes
) -> None:
    mute = write_video(tmp_path / "mute.mp4", (30, 30, 220), None, seconds=0.5).read_bytes()
    root = video_r1(tmp_path / "set", "red.mp4", "red.mp4", "mute.mp4", "junk.mp4", red=clip, mute=mute, junk=b"no")
    artifact = read(root, runtime)
    table = {row["path"]: row for row in read_rows(Store(runtime.store).folder(artifact), "media")}
    assert {path: (row["fault"], row["has_audio"]) for path, row in table.items()} == {
        "red.mp4": ("", True),
        "mute.mp4": ("", False),
        "junk.mp4": ("undecodable", None),
    }
    notes = Store(runtime.store).manifest(artifact).notes
    assert notes["media"] == {"undecodable": 1, "video": 2, "video without sound": 1}


def test_processes_side_by_side_write_the_same_bytes_as_one(
    tmp_path: Path, runtime: Runtime, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = large(tmp_path / "set", clip, monkeypatch)
    alone = Store(runtime.store).manifest(read(root, runtime))
    together = runtime.model_copy(update={"store": str(tmp_path / "other"), "workers": 3})
    shared = Store(together.store).manifest(read(root, together))
    assert shared.rows == alone.rows and alone.rows.entered == 3 * blocks.ROWS + 1
    assert [(file.path, file.sha256) for file in shared.files] == [(file.path, file.sha256) for file in alone.files]
    assert sum(file.path.startswith("examples-") for file in alone.files) == 4


def test_fault_in_one_process_is_the_users_line_and_leaves_no_artifact(
    tmp_path: Path, runtime: Runtime, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = large(tmp_path / "set", clip, monkeypatch)
    file = root / FILE
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(UserError, match=rf"{FILE} cannot be read after \d+ rows .*download the file again") as caught:
        read(root, runtime.model_copy(update={"workers": 2}))
    one_line(caught.value)
    assert [manifest.stage for manifest in Store(runtime.store).manifests()] == ["source"]


def test_finished_blocks_are_not_read_again(
    tmp_path: Path, runtime: Runtime, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "ROWS", 2)
    root = video_r1(tmp_path / "set", *["red.mp4"] * 5, "../../secret.mp4", red=clip)
    with pytest.raises(UserError, match="leads out"):
        read(root, runtime)
    (work,) = Path(runtime.store).glob(".drafts/ingest/*/.work")
    kept = {path.name: path.stat().st_mtime_ns for path in work.parent.glob("examples-*")}
    assert len(kept) == 2
    with pytest.raises(UserError, match="leads out"):
        read(root, runtime)
    assert kept == {path.name: path.stat().st_mtime_ns for path in work.parent.glob("examples-*")}


@pytest.mark.parametrize(("rule", "expected"), [("first:2", "01"), ("last:2", "34"), ("last:50%", "234")])
def test_only_the_rows_of_the_rule_are_read(
    tmp_path: Path, runtime: Runtime, clip: bytes, rule: str, expected: str
) -> None:
    artifact = read(video_r1(tmp_path / "set", *["red.mp4"] * 5, red=clip), runtime, take=rule)
    examples, _ = rows(artifact, runtime)
    assert "".join(row.source_row[-1] for row in examples) == expected
    assert Store(runtime.store).manifest(artifact).rows.entered == len(expected)


def removing(tmp_path: Path, runtime: Runtime, *lines: str) -> IngestRuntime:
    (tmp_path / "removals.txt").write_text("\n".join(lines))
    return IngestRuntime(**runtime.model_dump(), removals=str(tmp_path / "removals.txt"))


def test_listed_row_is_left_out_without_its_content(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", "red.mp4", "red.mp4", red=clip)
    listed_id = "video_r1/Video-R1-COT-165k:1"
    artifact = read(root, removing(tmp_path, runtime, "# asked for by a viewer", listed_id, ""))
    examples, (reject,) = rows(artifact, runtime)
    assert [row.source_row[-1] for row in examples] == ["0", "2"]
    assert (reject.id, reject.reason, reject.row) == (listed_id, "removed", "")


def test_removed_row_is_left_out_whatever_else_is_wrong_with_it(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "gone.mp4", "red.mp4", red=clip)
    (root / FILE).write_text((root / FILE).read_text().replace('"multiple choice"', '"unheard of"', 1))
    artifact = read(root, removing(tmp_path, runtime, "video_r1/Video-R1-COT-165k:0"))
    assert Store(runtime.store).manifest(artifact).rows.rejected == {"removed": 1}


def test_removal_list_of_which_no_id_names_a_row_stops_the_run(tmp_path: Path, runtime: Runtime, clip: bytes) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", "red.mp4", red=clip)
    where = removing(tmp_path, runtime, "video_r1/Video-R1-COT-165k.json:0")
    with pytest.raises(UserError, match=r"names video_r1/Video-R1-COT-165k\.json:0, but no row") as caught:
        read(root, where)
    one_line(caught.value)
    assert [manifest.stage for manifest in Store(runtime.store).manifests()] == ["source"]
    assert Store(runtime.store).manifest(read(root, where, take="first:1")).notes["removals"] == {
        "listed": 1,
        "unmatched": 1,
    }


def test_ids_on_the_removal_list_that_name_no_row_are_told(
    tmp_path: Path, runtime: Runtime, clip: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", "red.mp4", red=clip)
    ids = [f"video_r1/Video-R1-COT-165k:{key}" for key in ("0", "00")]
    artifact = read(root, removing(tmp_path, runtime, *ids))
    assert Store(runtime.store).manifest(artifact).notes["removals"] == {"listed": 2, "unmatched": 1}
    assert f"1 of 2 ids on the removal list name no row that was read, such as {ids[1]}" in capsys.readouterr().out


def test_longer_removal_list_is_another_artifact_only_for_its_own_dataset(
    tmp_path: Path, runtime: Runtime, clip: bytes
) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", "red.mp4", red=clip)
    before = read(root, removing(tmp_path, runtime))
    assert before == read(root, runtime) == read(root, removing(tmp_path, runtime, "emer/gt-eng:4"))
    assert read(root, removing(tmp_path, runtime, "video_r1/Video-R1-COT-165k:1")) != before


@pytest.mark.parametrize(("line", "message"), [("Video-R1-COT-165k:1", "names no dataset"), (None, "cannot be read")])
def test_removal_list_that_cannot_be_honoured_stops_the_run(
    tmp_path: Path, runtime: Runtime, clip: bytes, line: str | None, message: str
) -> None:
    root = video_r1(tmp_path / "set", "red.mp4", red=clip)
    where = removing(tmp_path, runtime, line or "")
    if line is None:
        (tmp_path / "removals.txt").unlink()
    with pytest.raises(UserError, match=rf"removals\.txt.*{message}") as caught:
        read(root, where)
    one_line(caught.value)


def large(root: Path, clip: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose rows are given to several processes: three blocks and a row."""
    monkeypatch.setattr(ingest_module, "LARGE", 1)
    return video_r1(root, *["red.mp4"] * (3 * blocks.ROWS + 1), red=clip)
