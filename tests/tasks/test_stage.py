"""Identity and reuse: when a stage runs again, and when it does not."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from schemas.artifact import Artifact, Kind
from schemas.canonical import canonical_json
from schemas.llm import LlmLimits
from schemas.runtime import Runtime
from schemas.values import Params, UserError
from storage import runs
from storage.draft import Draft
from storage.store import ArtifactNotFound, Store
from tasks.stage import Outside, stage
from tests.stages import Note, Where, fetched, files_below, how, made, note, one_line, upper
from tests.tasks.held import HeldParams, held

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


def counted(version: str = "1", kind: Kind = "folder", outside: Outside | None = None) -> Callable[..., Artifact]:
    """A new stage `counted`, which writes its text."""

    def counted(draft: Draft, params: Note, runtime: Runtime) -> None:
        (draft.folder / "note.txt").write_text(params.text)

    return stage(version=version, kind=kind, outside=outside)(counted)


# Identity


def test_same_params_give_one_fingerprint_in_any_store(tmp_path: Path) -> None:
    here = made(note(Note(text="a"), Runtime(store=str(tmp_path / "one"))))
    there = made(note(Note(text="a"), Runtime(store=str(tmp_path / "two"))))
    assert here == there


OTHERWISE: dict[str, object] = {
    "store": "elsewhere",
    "threads": 7,
    "workers": 9,
    "llm": LlmLimits(concurrency=3),
    "training_slots": 5,
    "generators": 3,
    "rehash": True,
    "responses": "elsewhere",
    "reports_url": "http://127.0.0.1:1",
    "trackers": ("tensorboard",),
    "judge_deadline": 1.0,
    "collective_timeout": 2.0,
    "executor": "processes",
    "nodes": 2,
    "rendezvous": "host:1",
    "launcher": "srun",
    "vllm_folder": "elsewhere",
    "vllm_memory": 0.5,
    "vllm_url": "http://127.0.0.1:1",
    "vllm_port": 1024,
}
"""Every field of a runtime with another value."""


@pytest.mark.parametrize(("field", "value"), [item for item in OTHERWISE.items() if item[0] != "store"])
def test_runtime_never_enters_the_fingerprint(runtime: Runtime, field: str, value: object) -> None:
    first = made(note(Note(text="a"), runtime))
    second = note(Note(text="a"), runtime.model_copy(update={field: value}))
    assert (made(second), how(second)) == (first, "Reused")


def test_every_runtime_field_is_tried() -> None:
    assert set(Runtime.model_fields) == set(OTHERWISE)


def test_changed_parameter_makes_another_artifact_beside_the_first(runtime: Runtime) -> None:
    first, second = made(note(Note(text="a"), runtime)), made(note(Note(text="b"), runtime))
    assert first.fingerprint != second.fingerprint
    assert len(list(Store(runtime.store).manifests())) == 2


def test_bumped_version_makes_another_artifact(runtime: Runtime) -> None:
    first, second = counted("1")(Note(text="a"), runtime), counted("2")(Note(text="a"), runtime)
    assert made(first).fingerprint != made(second).fingerprint
    assert how(second) == "Completed"


def test_digest_of_outside_files_enters_the_fingerprint(runtime: Runtime) -> None:
    states = [counted(outside=lambda *_, said=said: said)(Note(text="a"), runtime) for said in ("one", "two", "one")]
    assert [how(state) for state in states] == ["Completed", "Completed", "Reused"]
    assert made(states[0]) == made(states[2]) != made(states[1])


class Odd(Params):
    value: object


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", Path("a"), float("nan"), {1: "a"}, object()])
def test_parameter_without_canonical_json_raises_and_writes_nothing(runtime: Runtime, value: object) -> None:
    @stage(version="1", kind="folder")
    def odd(draft: Draft, params: Odd, runtime: Runtime) -> None:
        raise AssertionError("must not be filled")

    with pytest.raises((TypeError, ValueError)):
        odd(Odd(value=value), runtime)
    assert list(Store(runtime.store).manifests()) == []
    assert not (Path(runtime.store) / ".drafts" / "odd").exists()


@pytest.mark.parametrize("odd", ["a text", 3, ["a list"]])
def test_argument_that_is_no_artifact_raises(runtime: Runtime, odd: object) -> None:
    with pytest.raises(TypeError, match="source="):
        upper(Note(text="a"), odd, runtime)  # type: ignore[arg-type]


def test_two_params_raise(runtime: Runtime) -> None:
    with pytest.raises(TypeError, match="exactly one Params"):
        upper(Note(text="a"), Note(text="b"), runtime)  # type: ignore[arg-type]


def test_input_of_another_name_or_fingerprint_makes_another_artifact(runtime: Runtime) -> None:
    a, b = made(note(Note(text="a"), runtime)), made(note(Note(text="b"), runtime))
    states = [upper(Note(text=""), source, runtime) for source in (a, b, a)]
    assert [how(state) for state in states] == ["Completed", "Completed", "Reused"]


def test_missing_input_is_a_mistake_that_says_what_to_do(runtime: Runtime) -> None:
    gone = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    with pytest.raises(ArtifactNotFound, match="rerun the recipe") as caught:
        upper(Note(text=""), gone, runtime)
    one_line(caught.value)


def test_input_that_was_made_again_with_other_content_rebuilds_what_follows(runtime: Runtime, tmp_path: Path) -> None:
    where = Where(**runtime.model_dump(), file=str(tmp_path / "outside.txt"))
    Path(where.file).write_text("before")
    source = made(fetched(Note(text=""), where))
    first = made(upper(Note(text=""), source, runtime))
    Store(runtime.store).discard(source)
    Path(where.file).write_text("after")
    assert made(fetched(Note(text=""), where)) == source
    again = upper(Note(text=""), source, runtime)
    assert (made(again), how(again)) == (first, "Completed")
    assert (Store(runtime.store).folder(first) / "upper.txt").read_text() == "AFTER"


# Reuse


def test_second_call_is_reused_and_noted_as_such(runtime: Runtime) -> None:
    first, second = note(Note(text="a"), runtime), note(Note(text="a"), runtime)
    assert [how(first), how(second)] == ["Completed", "Reused"]
    assert [line.how for line in runs.lines(Store(runtime.store))] == ["made", "reused"]


def _delete(path: Path) -> None:
    path.unlink()


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


def _flip_unseen(path: Path) -> None:
    before = path.stat()
    _flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [_delete, _flip, _truncate])
def test_harmed_file_rebuilds_its_artifact(runtime: Runtime, harm: Callable[[Path], None]) -> None:
    artifact = made(note(Note(text="a long text"), runtime))
    file = Store(runtime.store).folder(artifact) / "note.txt"
    harm(file)
    state = note(Note(text="a long text"), runtime)
    assert (made(state), how(state)) == (artifact, "Completed")
    assert file.read_text() == "a long text"


def test_flipped_byte_behind_a_restored_time_is_found_by_reading_again(runtime: Runtime) -> None:
    artifact = made(note(Note(text="a long text"), runtime))
    store = Store(runtime.store)
    _flip_unseen(store.folder(artifact) / "note.txt")
    assert how(note(Note(text="a long text"), runtime)) == "Reused"
    assert store.faults(store.manifest(artifact), reread=True) == [f"{artifact}: note.txt is not what was written"]


def test_flipped_byte_behind_a_restored_time_is_rebuilt_with_rehash(runtime: Runtime) -> None:
    file = Store(runtime.store).folder(made(note(Note(text="a long text"), runtime))) / "note.txt"
    _flip_unseen(file)
    assert how(note(Note(text="a long text"), runtime.model_copy(update={"rehash": True}))) == "Completed"
    assert file.read_text() == "a long text"


def test_touched_file_with_the_same_bytes_is_reused(runtime: Runtime) -> None:
    file = Store(runtime.store).folder(made(note(Note(text="a"), runtime))) / "note.txt"
    os.utime(file, ns=(1, 1))
    assert how(note(Note(text="a"), runtime)) == "Reused"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"format": 99}', "format 99, newer than"),
        (b"no JSON", "is not a manifest"),
        (b"\xff\xfe\x00garbage", "is not a manifest"),
        (b"[1, 2]", "is not a manifest"),
        (b"{}", "is not a manifest"),
        (b'{"format": "one"}', "is not a manifest"),
        (b'{"format": 1, "stage": "note"}', "is not a manifest"),
        (b"", "is not a manifest"),
    ],
)
def test_manifest_that_cannot_be_read_is_a_mistake_in_one_line(runtime: Runtime, content: bytes, said: str) -> None:
    artifact = made(note(Note(text="a"), runtime))
    (Store(runtime.store).folder(artifact) / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        note(Note(text="a"), runtime)
    assert "manifest.json" in one_line(caught.value)


def test_store_that_cannot_be_written_is_a_mistake_in_one_line() -> None:
    with pytest.raises(UserError, match="cannot be written") as caught:
        note(Note(text="a"), Runtime(store="/proc/contextfirst"))
    one_line(caught.value)


def test_store_below_a_file_is_a_mistake_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="cannot be written") as caught:
        Store(tmp_path / "file" / "store")
    one_line(caught.value)


def test_store_whose_index_cannot_be_opened_is_a_mistake_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store" / ".index" / "digests.sqlite").mkdir(parents=True)
    with pytest.raises(UserError, match=r"digests\.sqlite|cannot be written") as caught:
        Store(tmp_path / "store")
    one_line(caught.value)


# Drafts


@stage(version="1", kind="folder")
def failing(draft: Draft, params: Note, source: Artifact, runtime: Runtime) -> None:
    """Writes its first file, then needs what its input does not hold yet."""
    first = draft.folder / "first.txt"
    draft.notes["first"] = "found" if first.exists() else "written"
    first.write_text("first")
    (draft.work / "mark").write_text("a mark")
    (draft.folder / "second.txt").write_text((Store(runtime.store).folder(source) / params.text).read_text())


def test_failing_stage_leaves_no_artifact_and_the_next_run_takes_its_draft_over(runtime: Runtime) -> None:
    store = Store(runtime.store)
    source = made(note(Note(text="a"), runtime))
    with pytest.raises(FileNotFoundError):
        failing(Note(text="later.txt"), source, runtime)
    assert [manifest.stage for manifest in store.manifests()] == ["note"]
    (store.folder(source) / "later.txt").write_text("later")
    state = failing(Note(text="later.txt"), source, runtime)
    manifest = store.manifest(made(state))
    assert manifest.notes == {"first": "found"}
    assert [file.path for file in manifest.files] == ["first.txt", "second.txt"]


def test_draft_is_not_taken_over_when_an_input_was_made_again_with_other_content(
    runtime: Runtime, tmp_path: Path
) -> None:
    where = Where(**runtime.model_dump(), file=str(tmp_path / "outside.txt"))
    store = Store(runtime.store)
    Path(where.file).write_text("before")
    source = made(fetched(Note(text=""), where))
    with pytest.raises(FileNotFoundError):
        failing(Note(text="later.txt"), source, runtime)
    store.discard(source)
    Path(where.file).write_text("after")
    fetched(Note(text=""), where)
    (store.folder(source) / "later.txt").write_text("later")
    assert store.manifest(made(failing(Note(text="later.txt"), source, runtime))).notes == {"first": "written"}


def test_what_only_helps_a_resume_is_not_published(runtime: Runtime) -> None:
    @stage(version="1", kind="folder")
    def working(draft: Draft, params: Note, runtime: Runtime) -> None:
        (draft.work / "checkpoint").mkdir()
        (draft.work / "checkpoint" / "weights").write_text("many")
        (draft.folder / "result.txt").write_text("result")

    folder = Store(runtime.store).folder(made(working(Note(text=""), runtime)))
    assert sorted(files_below(folder)) == ["manifest.json", "result.txt"]
    assert list((Path(runtime.store) / ".drafts" / "working").iterdir()) == []


def test_rows_that_do_not_balance_raise_and_leave_no_artifact(runtime: Runtime) -> None:
    @stage(version="1", kind="examples")
    def losing(draft: Draft, params: Note, runtime: Runtime) -> None:
        draft.entered, draft.left = 3, 1
        draft.rejected["odd"] += 1

    with pytest.raises(RuntimeError, match="3 in, 1 out, 1 rejected"):
        losing(Note(text=""), runtime)
    assert list(Store(runtime.store).manifests()) == []


class Released(io.StringIO):
    """Standard output that lets another process go on when someone says to be waiting."""

    def __init__(self, other: "subprocess.Popen[str]") -> None:
        super().__init__()
        self._other = other

    def write(self, text: str) -> int:
        if "waiting for the run" in text and self._other.stdin:
            self._other.stdin.close()
        return super().write(text)


def _holding(runtime: Runtime) -> "subprocess.Popen[str]":
    """A second process that holds the draft of `held` and has finished its first shard."""
    command = [sys.executable, "-m", "tests.tasks.held", runtime.store]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "holding\n"
    return process


def test_second_process_waits_for_the_holder_and_reuses_what_it_made(runtime: Runtime) -> None:
    with _holding(runtime) as other:
        said = Released(other)
        with contextlib.redirect_stdout(said):
            state = held(HeldParams(), runtime)
    assert how(state) == "Reused"
    assert str(other.pid) in said.getvalue()
    assert len(Store(runtime.store).manifest(made(state)).files) == 3


def test_killed_holders_draft_is_taken_over_and_its_half_written_file_is_not_published(runtime: Runtime) -> None:
    with _holding(runtime) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    state = held(HeldParams(), runtime)
    manifest = Store(runtime.store).manifest(made(state))
    assert how(state) == "Completed"
    assert sorted(manifest.notes) == ["shard 1", "shard 2"]
    assert [file.path for file in manifest.files] == ["shard-0.txt", "shard-1.txt", "shard-2.txt"]


# Manifests


def test_manifest_says_what_went_in_and_came_out(runtime: Runtime) -> None:
    source = made(note(Note(text="a"), runtime))
    manifest = Store(runtime.store).manifest(made(upper(Note(text="so "), source, runtime)))
    assert manifest.params == {"text": "so "}
    assert manifest.inputs["source"].fingerprint == source.fingerprint
    assert manifest.inputs["source"].content == Store(runtime.store).manifest(source).content
    assert [(file.path, file.size) for file in manifest.files] == [("upper.txt", 4)]
    assert manifest.environment.packages["prefect"]


def test_mapping_of_inputs_keeps_their_names(runtime: Runtime) -> None:
    @stage(version="1", kind="folder")
    def both(draft: Draft, params: Note, parts: Mapping[str, Artifact], runtime: Runtime) -> None:
        (draft.folder / "names.txt").write_text(canonical_json(sorted(parts)))

    a, b = made(note(Note(text="a"), runtime)), made(note(Note(text="b"), runtime))
    one = made(both(Note(text=""), {"left": a, "right": b}, runtime))
    other = made(both(Note(text=""), {"left": b, "right": a}, runtime))
    assert sorted(Store(runtime.store).manifest(one).inputs) == ["parts.left", "parts.right"]
    assert one != other
    assert how(both(Note(text=""), {"right": b, "left": a}, runtime)) == "Reused"
