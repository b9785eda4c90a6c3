"""Whatever bytes lie in a store: a flipped bit is found, and nothing is ever misread."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm.log import open_log
from schemas.artifact import MANIFEST_FORMAT, Artifact
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import names, runs, verifying
from storage.manifests import MANIFEST, parsed
from storage.store import Store
from tests.stages import Note, example, made, note, one_line, rows_of, upper
from tests.storage.machines import Machines
from tests.storage.memory import Memory

QUICKLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
POSITIONS = st.integers(0, 1 << 20)
BITS = st.integers(0, 7)
ANY_BYTES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["format", "name", "version", "artifact", "run", "how", "at", "files", "stage", "kind"]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


@pytest.fixture
def store(runtime: Runtime) -> Store:
    """Two artifacts, one of them a table, with names and a run."""
    opened = Store(runtime.store)
    first = made(note(Note(text="some words"), runtime))
    for name, artifact in {"demo/a": first, "demo/b": made(upper(Note(text="x"), first, runtime))}.items():
        names.give(opened, name, artifact)
    rows_of(runtime, *(example(str(number)) for number in range(5)))
    return opened


def files_of_artifacts(store: Store) -> list[Path]:
    return sorted(path for manifest in store.manifest_files() for path in manifest.parent.iterdir())


def flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[: (at := at % len(content))] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


# Verifying


@QUICKLY
@given(which=POSITIONS, at=POSITIONS, bit=BITS)
def test_any_flipped_bit_of_an_artifact_is_found_also_in_its_manifest(
    store: Store, which: int, at: int, bit: int
) -> None:
    paths = files_of_artifacts(store)
    path = paths[which % len(paths)]
    whole = path.read_bytes()
    path.write_bytes(flipped(whole, at, bit))
    found = [lines for lines in verifying.verify(store) if lines]
    path.write_bytes(whole)
    assert len(found) == 1, path
    assert all("\n" not in line for line in found[0])
    assert [lines for lines in verifying.verify(store) if lines] == []


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Memory, Store]:
    """A bucket that one machine has filled, seen from another."""
    memory = Memory()
    machines = Machines(monkeypatch, tmp_path / "machines", memory.url, memory)
    made(note(Note(text="some words"), machines.on("one")))
    return memory, machines.store("two")


@QUICKLY
@given(which=POSITIONS, at=POSITIONS, bit=BITS)
def test_any_flipped_bit_in_a_bucket_is_found(bucket: tuple[Memory, Store], which: int, at: int, bit: int) -> None:
    memory, store = bucket
    whole = dict(memory.objects)
    keys = sorted(key for key in whole if key.startswith("note/"))
    memory.flip(keys[which % len(keys)], at, bit)
    assert [len(lines) for lines in verifying.verify(store)] == [1]
    memory.objects = whole


def test_verifying_goes_on_after_a_manifest_that_cannot_be_read(store: Store) -> None:
    broken, *_ = sorted(store.manifest_files())
    broken.write_text("{")
    assert sorted(len(lines) for lines in verifying.verify(store)) == [0, 0, 1]


def test_manifest_in_the_folder_of_another_artifact_is_refused(store: Store, runtime: Runtime) -> None:
    first = names.find(store, "demo/a")
    assert first is not None
    shutil.copytree(store.folder(first), store.root / "note" / ("0" * 64))
    moved = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    with pytest.raises(UserError, match="it is that of note/") as caught:
        store.manifest(moved)
    one_line(caught.value)


def test_manifest_that_names_a_file_outside_of_its_folder_is_refused(store: Store) -> None:
    (path,) = store.root.glob(f"note/*/{MANIFEST}")
    fields = json.loads(path.read_bytes()) | {"format": 1, "seal": ""}
    fields["files"][0]["path"] = "../../../etc/passwd"
    with pytest.raises(UserError, match="names a file outside of its folder"):
        parsed(json.dumps(fields).encode(), "there", "note", path.parent.name)


# Formats


def rewrite(store: Store, **changes: object) -> Path:
    (path,) = store.root.glob(f"note/*/{MANIFEST}")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_manifest_of_the_format_before_is_read(store: Store, runtime: Runtime) -> None:
    path = rewrite(store, format=1)
    fields = json.loads(path.read_text())
    del fields["seal"]
    path.write_text(json.dumps(fields))
    assert names.find(store, "demo/a") == store.read("note", path.parent.name).artifact
    assert [lines for lines in verifying.verify(store) if lines] == []


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (0, "format 0, older than"),
        (-1, "format -1, older than"),
        (MANIFEST_FORMAT + 1, f"format {MANIFEST_FORMAT + 1}, newer than"),
        (10**30, "newer than"),
        ("2", "is not a manifest"),
        (2.0, "is not a manifest"),
        (True, "is not a manifest"),
        (None, "is not a manifest"),
    ],
)
def test_manifest_of_another_format_is_refused_by_name(store: Store, written: object, says: str) -> None:
    path = rewrite(store, format=written)
    with pytest.raises(UserError, match=says) as caught:
        list(store.manifests())
    assert str(path) in one_line(caught.value)


@pytest.mark.parametrize("version", [0, 1, 99])
def test_response_log_of_another_format_is_refused_by_name(tmp_path: Path, version: int) -> None:
    log = tmp_path / "responses.sqlite"
    connection = open_log(log)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(UserError) as caught:
        open_log(log)
    assert str(log) in one_line(caught.value)


# Anything at all


@QUICKLY
@given(content=ANY_BYTES)
def test_any_bytes_for_a_manifest_are_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(UserError) as caught:
        parsed(content, "there", "note", "0" * 64)
    one_line(caught.value)


@QUICKLY
@given(at=POSITIONS, bit=BITS, cut=st.booleans())
def test_manifest_that_was_changed_anywhere_is_refused(store: Store, at: int, bit: int, cut: bool) -> None:
    (path,) = store.root.glob(f"note/*/{MANIFEST}")
    whole = path.read_bytes()
    content = whole[: at % len(whole)] if cut else flipped(whole, at, bit)
    with pytest.raises(UserError) as caught:
        parsed(content, "there", "note", path.parent.name)
    one_line(caught.value)


@QUICKLY
@given(content=ANY_BYTES)
def test_any_bytes_for_a_name_are_refused_in_one_line(store: Store, content: bytes) -> None:
    path = store.root / "names" / "demo" / "a" / "00001.json"
    whole = path.read_bytes()
    path.write_bytes(content)
    asked: list[Callable[[], object]] = [lambda: list(names.every(store)), lambda: names.find(store, "demo/a")]
    for ask in asked:
        with pytest.raises(UserError, match="is not a version of a name") as caught:
            ask()
        one_line(caught.value)
    path.write_bytes(whole)


@QUICKLY
@given(content=ANY_BYTES)
def test_any_bytes_for_a_run_are_refused_or_passed_over_as_cut_short(store: Store, content: bytes) -> None:
    (path,) = store.root.glob("runs/*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + content)
    try:
        assert len(list(runs.lines(store))) == 3
    except UserError as error:
        assert str(path) in one_line(error)
    path.write_bytes(whole)


@QUICKLY
@given(at=POSITIONS)
def test_run_that_was_killed_in_the_middle_of_a_line_loses_that_line_alone(store: Store, at: int) -> None:
    (path,) = store.root.glob("runs/*.jsonl")
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(whole[: last + at % (len(whole) - 1 - last)])
    first = names.find(store, "demo/a")
    assert first is not None
    runs.note(store, path.stem, first, "reused")
    assert [line.how for line in runs.lines(store)] == ["made", "made", "reused"]
    path.write_bytes(whole)


@QUICKLY
@given(content=st.binary(min_size=1024, max_size=4000))
def test_any_bytes_for_a_response_log_are_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    log = tmp_path_factory.mktemp("log") / "responses.sqlite"
    log.write_bytes(content)
    with pytest.raises(UserError) as caught:
        open_log(log)
    assert str(log) in one_line(caught.value)
    assert log.read_bytes() == content
