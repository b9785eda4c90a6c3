"""What garbage collection keeps, over random histories: it is asked of a store in a folder and of one in a bucket."""

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.artifact import Artifact, Environment, File, Input, Manifest, content_digest
from schemas.canonical import fingerprint
from schemas.canonical import sha256_text as sha256
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import garbage, names, runs, verifying
from storage.draft import is_held
from storage.files import write_text
from storage.manifests import MANIFEST, sealed
from storage.store import Store
from tests.stages import example, one_line, rows_of
from tests.storage.machines import Machines
from tests.storage.memory import Memory

DAY = 86_400.0
ENVIRONMENT = Environment(commit="", dirty=False, lock="", packages={}, python="", device="", threads=1)


class Run(NamedTuple):
    """What a run touched, how many days ago, and whether it is still making something."""

    touched: frozenset[int]
    days: float
    lives: bool


class History(NamedTuple):
    """made_from: by artifact, which it was made from. named: which have names. kept: days."""

    made_from: list[frozenset[int]]
    named: frozenset[int]
    runs: list[Run]
    keep_days: float

    def reached(self) -> set[int]:
        """By the definition: named, touched lately, touched by the living, and all that those were made from."""
        reached = set(self.named)
        for run in self.runs:
            if run.lives or run.days < self.keep_days:
                reached |= run.touched
        for number in reversed(range(len(self.made_from))):  # made from lower ones only
            if number in reached:
                reached |= self.made_from[number]
        return reached


@st.composite
def histories(draw: st.DrawFn) -> History:
    count = draw(st.integers(1, 8))
    some = st.frozensets(st.integers(0, count - 1), max_size=3)
    made_from = [
        draw(st.frozensets(st.integers(0, number - 1), max_size=3)) if number else frozenset()
        for number in range(count)
    ]
    run = st.builds(Run, some, st.sampled_from([0.5, 2.0, 9.0]), st.booleans())
    return History(made_from, draw(some), draw(st.lists(run, max_size=3)), draw(st.sampled_from([0.0, 1.0, 5.0])))


class Told:
    """A history as it lies in a store."""

    def __init__(self, store: Store, history: History) -> None:
        self.artifacts: list[Artifact] = []
        for number, made_from in enumerate(history.made_from):
            self.artifacts.append(self._make(store, number, [self.artifacts[one] for one in sorted(made_from)]))
        for number in history.named:
            names.give(store, f"demo/{number}", self.artifacts[number])
        for number, run in enumerate(history.runs):
            self._note(store, f"run-{number}", run)

    def _make(self, store: Store, number: int, inputs: list[Artifact]) -> Artifact:
        text = f"artifact {number}"
        files = [File(path="note.txt", size=len(text), sha256=sha256(text))]
        manifest = Manifest(
            stage="note",
            version="1",
            kind="folder",
            fingerprint=fingerprint(number),
            content=content_digest(files),
            params={},
            inputs={
                one.fingerprint[:8]: Input(stage="note", fingerprint=one.fingerprint, content="") for one in inputs
            },
            files=files,
            environment=ENVIRONMENT,
            finished_at="2026-01-01T00:00:00+00:00",
            seconds=0.0,
        )
        artifact = manifest.artifact
        with store.draft(artifact, {}, lambda *_: None, lambda _: None) as draft:
            write_text(draft.folder / "note.txt", text)
            store.origin.push(draft.folder, manifest, sealed(manifest))
        write_text(store.root / "note" / artifact.fingerprint / "note.txt", text)
        write_text(store.root / "note" / artifact.fingerprint / MANIFEST, sealed(manifest))
        return artifact

    def _note(self, store: Store, name: str, run: Run) -> None:
        key = f"runs/{name}{store.origin.mark}.jsonl"
        at = time.time() - run.days * DAY
        lines = [
            runs.RunLine(run=name, artifact=self.artifacts[number], how="made", at=at).model_dump_json() + "\n"
            for number in sorted(run.touched)
        ]
        write_text(store.root / key, "".join(lines))
        store.origin.share(key)


def check(history: History, here: Store, collector: Store, seen_by: Store) -> None:
    """Tell a history here, collect there, and look from a third place."""
    told = Told(here, history)
    with ExitStack() as living:
        for number, run in enumerate(history.runs):
            if run.lives:
                making = Artifact(stage="upper", fingerprint=fingerprint(number), kind="folder")
                living.enter_context(here.draft(making, {}, lambda *_: None, lambda _: None, f"run-{number}"))
        expected = {told.artifacts[number] for number in history.reached()}
        assert set(garbage.find_garbage(collector, history.keep_days).artifacts) == set(told.artifacts) - expected
        garbage.collect(collector, history.keep_days)
    assert {manifest.artifact for manifest in seen_by.manifests()} == expected
    assert [lines for lines in verifying.verify(seen_by) if lines] == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_collection_removes_what_nothing_reaches_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, history: History
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    check(history, store, store, store)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_collection_by_another_machine_does_the_same_to_a_bucket(
    tmp_path_factory: pytest.TempPathFactory, history: History
) -> None:
    bucket = Memory()
    with pytest.MonkeyPatch.context() as patch:
        machines = Machines(patch, tmp_path_factory.mktemp("machines"), bucket.url, bucket)
        check(history, *(machines.store(name) for name in ("one", "two", "three")))
    assert not [key for key in bucket.objects if key.startswith("leases/")]


def test_collection_stops_where_a_table_that_stays_cannot_be_read(tmp_path: Path) -> None:
    """Its media would go with those that nobody needs."""
    store = Store(tmp_path / "store")
    rows = rows_of(Runtime(store=str(store.root)), example("1"))
    names.give(store, "demo/rows", rows)
    (table,) = store.folder(rows).glob("*.parquet")
    table.write_bytes(b"no table")
    with pytest.raises(UserError, match="is not a table as it was written") as caught:
        garbage.collect(store, keep_days=0)
    one_line(caught.value)
    table.unlink()
    with pytest.raises(UserError, match="is gone") as caught:
        garbage.collect(store, keep_days=0)
    one_line(caught.value)


def test_run_that_reuses_an_artifact_while_garbage_is_being_looked_for_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    told = Told(store, History([frozenset(), frozenset({0}), frozenset()], frozenset(), [], 1.0))
    stray = store.origin.stray

    def meanwhile(*arguments: object) -> list[str]:
        runs.note(store, "run-1", told.artifacts[1], "reused")
        return stray(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store.origin, "stray", meanwhile)
    write_text(store.blobs / "aa" / ("aa" * 32), "of the reused one, for all that was known")
    os.utime(store.blobs / "aa" / ("aa" * 32), (0, 0))
    found = garbage.collect(store, keep_days=1)
    assert found.media == ()
    assert {manifest.artifact for manifest in store.manifests()} == set(told.artifacts[:2])


@pytest.fixture
def left(tmp_path: Path) -> Artifact:
    """An artifact whose draft a run left long ago, in a store of its own."""
    artifact = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    store = Store(tmp_path / "store")
    with store.draft(artifact, {}, lambda *_: None, lambda _: None) as draft:
        write_text(draft.folder / "shard-0", "dear")
    for path in (*draft.folder.rglob("*"), draft.folder):
        os.utime(path, (0, 0))
    return artifact


def test_draft_that_a_run_takes_over_while_garbage_is_being_looked_for_stays_with_its_media(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: Artifact
) -> None:
    store = Store(tmp_path / "store")
    found_by_run: list[str] = []

    def take_over() -> None:
        with Store(store.root).draft(left, {}, lambda *_: None, lambda _: None) as draft:
            found_by_run.extend(path.name for path in draft.folder.glob("shard-*"))

    run = threading.Thread(target=take_over)
    stray = store.origin.stray

    def meanwhile(*arguments: object) -> list[str]:
        run.start()
        while not is_held(store.root / ".drafts" / "note" / f"{left.fingerprint}.lease"):
            assert run.is_alive()
        return stray(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store.origin, "stray", meanwhile)
    write_text(store.blobs / "aa" / ("aa" * 32), "of the draft, for all that was known")
    os.utime(store.blobs / "aa" / ("aa" * 32), (0, 0))
    found = garbage.collect(store, keep_days=1)
    run.join()
    assert (found.drafts, found.media) == ((), ())
    assert found_by_run == ["shard-0"]


def test_run_that_begins_while_garbage_is_collected_waits_for_the_end(tmp_path: Path, left: Artifact) -> None:
    """What it makes would show media that were found to be of nobody before it began."""
    store = Store(tmp_path / "store")
    waiting, begun = threading.Event(), threading.Event()

    def begin() -> None:
        with Store(store.root).draft(left, {}, lambda *_: None, lambda _: waiting.set()):
            begun.set()

    run = threading.Thread(target=begin)
    with store.origin.collecting() as living:
        run.start()
        assert waiting.wait(20)
        assert living == set() and not begun.is_set()
    run.join()
    assert begun.is_set()


def test_draft_in_which_something_was_written_lately_stays(tmp_path: Path, left: Artifact) -> None:
    """Checkpoints of a long training lie deep, and the folder itself looks as old as its beginning."""
    store = Store(tmp_path / "store")
    (draft,) = (store.root / ".drafts" / "note").glob("0*")
    assert garbage.find_garbage(store, keep_days=1).drafts == (str(draft),)
    write_text(draft / ".work" / "checkpoints" / "9", "of this hour")
    os.utime(draft, (0, 0))
    assert garbage.find_garbage(store, keep_days=1).drafts == ()
