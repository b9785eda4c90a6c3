"""Finding artifacts: by reference and by name, forwards and backwards, and what may go."""

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from schemas.artifact import Artifact
from schemas.example import Media
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import garbage, lineage, names, runs
from storage.blobs import link
from storage.draft import Draft, lease
from storage.files import write_text
from storage.parquet import shard_name, write_examples
from storage.store import ArtifactNotFound, Store
from tests.stages import Note, example, made, note, one_line, rows_of, upper


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


@pytest.fixture
def store(runtime: Runtime) -> Store:
    return Store(runtime.store)


@pytest.fixture
def first(runtime: Runtime) -> Artifact:
    return made(note(Note(text="a"), runtime))


def test_artifact_is_found_by_the_start_of_its_fingerprint(store: Store, first: Artifact) -> None:
    assert store.resolve(str(first)) == first
    assert store.resolve(f"note/{first.fingerprint}") == first


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "note",
        "note/",
        "note/zz",
        "/",
        "/etc",
        "/etc/passwd",
        "../store/note",
        "*/*",
        "note/[",
        "note/**",
        "a\0b/c",
        ".drafts/note",
    ],
)
def test_reference_to_nothing_is_a_mistake_in_one_line(store: Store, first: Artifact, reference: str) -> None:
    with pytest.raises(ArtifactNotFound, match="no artifact is called") as caught:
        store.resolve(reference)
    one_line(caught.value)


def test_reference_that_fits_several_artifacts_is_a_mistake(runtime: Runtime, store: Store) -> None:
    starts = [made(note(Note(text=str(number)), runtime)).fingerprint[0] for number in range(18)]
    (twice, *_) = {start for start in starts if starts.count(start) > 1}
    with pytest.raises(ArtifactNotFound, match="artifacts start with"):
        store.resolve(f"note/{twice}")


def test_discarded_artifact_that_was_not_yet_removed_is_no_artifact(store: Store, first: Artifact) -> None:
    grave = store.root / ".trash" / "note-0123"
    grave.parent.mkdir()
    store.folder(first).rename(grave)  # a kill in the middle of a removal
    assert list(store.manifests()) == []


# Names


def test_name_finds_its_latest_artifact_and_each_version(runtime: Runtime, store: Store, first: Artifact) -> None:
    second = made(note(Note(text="b"), runtime))
    given = [str(names.give(store, "demo/note", artifact)) for artifact in (first, second, second, first)]
    assert given == ["demo/note@1", "demo/note@2", "demo/note@2", "demo/note@3"]
    assert names.find(store, "demo/note") == first
    assert names.find(store, "demo/note@2") == second
    assert names.find(store, "demo/note@9") is None
    assert [name.version for name in names.every(store)] == [1, 2, 3]


@pytest.mark.parametrize("name", ["", "Demo", "../demo", "demo/../x", "demo//x", "/demo", "demo@1", ".demo"])
def test_odd_name_is_refused_and_finds_nothing(store: Store, first: Artifact, name: str) -> None:
    with pytest.raises(UserError, match="is no artifact name"):
        names.give(store, name, first)
    assert names.find(store, name) is None


# Lineage


def test_lineage_leads_both_ways(runtime: Runtime, store: Store, first: Artifact) -> None:
    second = made(upper(Note(text=""), first, runtime))
    third = made(upper(Note(text=""), second, runtime))
    steps = [(step.depth, step.name, step.manifest.fingerprint) for step in lineage.ancestors(store, third)]
    assert steps == [
        (0, "", third.fingerprint),
        (1, "source", second.fingerprint),
        (2, "source", first.fingerprint),
    ]
    assert {item.artifact for item in lineage.descendants(store, first)} == {second, third}
    assert lineage.descendants(store, third) == []


# Runs


def test_line_cut_short_by_a_kill_is_passed_over(store: Store, first: Artifact) -> None:
    (file,) = (store.root / "runs").glob("*.jsonl")
    whole = file.read_text()
    places = [whole.index('"made"'), whole.index('"},') + 2, len(whole) - 2]
    for place in places:
        file.write_text(whole + whole[:place])
        assert [line.artifact for line in runs.lines(store)] == [first]


# Garbage


def draft(store: Store, fingerprint: str) -> AbstractContextManager[Draft]:
    artifact = Artifact(stage="note", fingerprint=fingerprint, kind="folder")
    return store.draft(artifact, {}, lambda *_: None, lambda _holder: None)


def test_nothing_of_a_recent_run_is_garbage(store: Store, first: Artifact) -> None:
    assert garbage.find_garbage(store, keep_days=1).artifacts == ()


def test_what_no_name_needs_goes_and_what_a_name_was_made_from_stays(
    runtime: Runtime, store: Store, first: Artifact
) -> None:
    named = made(upper(Note(text=""), first, runtime))
    loose = made(note(Note(text="loose"), runtime))
    names.give(store, "demo/upper", named)
    found = garbage.find_garbage(store, keep_days=0)
    assert found.artifacts == (loose,)
    assert found.size == len("loose")
    assert garbage.collect(store, keep_days=0) == found
    assert {manifest.artifact for manifest in store.manifests()} == {first, named}
    assert garbage.find_garbage(store, keep_days=0).artifacts == ()


def test_older_version_of_a_name_is_kept(runtime: Runtime, store: Store, first: Artifact) -> None:
    names.give(store, "demo/note", first)
    names.give(store, "demo/note", made(note(Note(text="b"), runtime)))
    assert garbage.find_garbage(store, keep_days=0).artifacts == ()


def test_what_a_living_run_touched_stays_however_short_the_time(store: Store, first: Artifact) -> None:
    runs.note(store, "run-1", first, "reused")
    with lease(store.root / ".drafts" / "upper" / "0.lease", lambda _holder: None, run="run-1"):
        assert garbage.find_garbage(store, keep_days=0).artifacts == ()
    assert garbage.find_garbage(store, keep_days=0).artifacts == (first,)


def test_abandoned_draft_goes_and_a_held_one_stays(store: Store) -> None:
    with draft(store, "held"):
        with draft(store, "left"):
            pass
        found = garbage.find_garbage(store, keep_days=0)
        assert [Path(path).name for path in found.drafts] == ["left"]
        garbage.collect(store, keep_days=0)
        assert [path.name for path in (store.root / ".drafts" / "note").iterdir() if path.is_dir()] == ["held"]


def test_recent_draft_stays_for_the_next_run(store: Store) -> None:
    with draft(store, "left"):
        pass
    assert garbage.find_garbage(store, keep_days=1).drafts == ()


def test_media_go_with_the_last_rows_that_show_them_and_so_does_what_was_decoded_of_them(
    runtime: Runtime, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_text("a clip")
    shown, alone = "aa" + "0" * 62, "bb" + "0" * 62
    for digest in (shown, alone):
        link(store.blobs, tmp_path / "clip.mp4", digest)
        write_text(store.media / digest[:2] / f"{digest}-0123", "what training has decoded")
        write_text(store.root / "unpacked" / digest / "listing", "of an archive")
    rows = rows_of(runtime, example("1", media=(Media(kind="video", digest=shown, path="clip.mp4"),)))
    names.give(store, "demo/rows", rows)
    found = garbage.collect(store, keep_days=0)
    assert [Path(path).name[:2] for path in found.media] == ["bb", "bb", "bb"]
    assert [path for path in store.root.rglob("*") if "bb000" in path.name] == []
    assert len([path for path in store.root.rglob("*") if "aa000" in path.name]) == 3
    assert (tmp_path / "clip.mp4").exists()


def test_media_stay_while_something_is_being_made_and_for_the_days_that_are_kept(store: Store, tmp_path: Path) -> None:
    link(store.blobs, tmp_path / "gone.mp4", "aa" + "0" * 62)
    with draft(store, "held"):
        assert garbage.find_garbage(store, keep_days=0).media == ()
    assert garbage.find_garbage(store, keep_days=1).media == ()
    assert len(garbage.find_garbage(store, keep_days=0).media) == 1


def test_media_that_an_unfinished_draft_shows_stay(store: Store, tmp_path: Path) -> None:
    clip = Media(kind="video", digest="aa" + "0" * 62, path="clip.mp4")
    link(store.blobs, tmp_path / "clip.mp4", clip.digest)
    with draft(store, "left") as left:
        write_examples(left.folder / shard_name("examples", 0), [example("1", media=(clip,))])
    assert garbage.find_garbage(store, keep_days=1).drafts == ()
    os.utime(store.blobs / "aa" / clip.digest, (0, 0), follow_symlinks=False)
    assert garbage.find_garbage(store, keep_days=1).media == ()


def test_half_removed_artifacts_are_removed_at_last(store: Store, first: Artifact) -> None:
    grave = store.root / ".trash" / "note-0123"
    grave.parent.mkdir()
    store.folder(first).rename(grave)
    garbage.collect(store, keep_days=0)
    assert list((store.root / ".trash").iterdir()) == []


def test_artifact_touched_before_the_kept_days_goes(store: Store, first: Artifact) -> None:
    (file,) = (store.root / "runs").glob("*.jsonl")
    line = runs.RunLine.model_validate_json(file.read_text())
    old = line.model_copy(update={"at": time.time() - 3 * 86_400})
    file.write_text(old.model_dump_json() + "\n")
    assert garbage.find_garbage(store, keep_days=4).artifacts == ()
    assert garbage.find_garbage(store, keep_days=2).artifacts == (first,)


def test_run_that_is_killed_while_its_checkpoints_are_removed_has_published(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = Artifact(stage="sft", fingerprint="ab" * 32, kind="checkpoint")

    def killed(path: Path, **_: object) -> None:
        raise KeyboardInterrupt(path)

    with pytest.raises(KeyboardInterrupt), store.draft(artifact, {}, lambda *_: None, print) as draft:
        (draft.folder / "model").write_text("hours of training")
        (draft.work / "checkpoint").write_text("gigabytes")
        monkeypatch.setattr("shutil.rmtree", killed)
        store.publish(draft, artifact, "1", Note(text="a"), {}, 0.0, 1)
    found = store.find("sft", artifact.fingerprint, {})
    assert found and store.faults(found, reread=True) == []
    assert [path.name for path in store.folder(artifact).iterdir() if path.name != "manifest.json"] == ["model"]
