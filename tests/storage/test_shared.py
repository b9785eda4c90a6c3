"""A store behind several machines: what one makes the others find, and nobody overwrites what he has not seen."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from llm.log import open_log
from media.blobs import blob_path
from schemas.artifact import Artifact
from schemas.example import Media
from schemas.failures import LeaseLost, StoreUnreachable
from schemas.llm import Llm
from schemas.values import UserError
from storage import garbage, names, runs, verifying
from storage.blobs import link
from storage.digests import hash_file
from storage.heartbeat import Lease
from storage.remote import Found, Version
from storage.store import ArtifactNotFound, Store
from tasks.asking import response_log
from tests.stages import Note, Where, example, fetched, files_below, how, made, note, one_line, rows_of, upper
from tests.storage.machines import Machines
from tests.storage.memory import Memory


@pytest.fixture
def bucket() -> Memory:
    return Memory()


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bucket: Memory) -> Machines:
    return Machines(monkeypatch, tmp_path / "machines", bucket.url, bucket)


@pytest.fixture
def first(machines: Machines) -> Artifact:
    return made(note(Note(text="a"), machines.on("one")))


def text_of(store: Store, artifact: Artifact) -> str:
    return (store.folder(artifact) / "note.txt").read_text()


def place(artifact: Artifact) -> str:
    return f"{artifact.stage}/{artifact.fingerprint}"


def data_keys(bucket: Memory, artifact: Artifact) -> list[str]:
    return [key for key in bucket.objects if key.startswith(f"{place(artifact)}/") and key.count("/") > 2]


def test_what_one_machine_makes_another_reuses_and_reads(machines: Machines, first: Artifact) -> None:
    again = note(Note(text="a"), machines.on("two"))
    assert (how(again), made(again)) == ("Reused", first)
    assert text_of(machines.store("two"), first) == "a"
    assert made(upper(Note(text=""), first, machines.on("two"))).stage == "upper"


def test_second_read_fetches_nothing(machines: Machines, bucket: Memory, first: Artifact) -> None:
    machines.store("two").folder(first)
    fetched_keys: list[str] = []
    bucket.before = lambda verb, key: fetched_keys.append(key) if verb == "download" else None
    machines.store("two").folder(first)
    assert fetched_keys == []


def test_manifest_is_written_last_and_its_files_lie_by_their_content(bucket: Memory, machines: Machines) -> None:
    order: list[str] = []
    bucket.before = lambda verb, key: order.append(key) if verb in ("write", "upload") else None
    first = made(note(Note(text="a"), machines.on("one")))
    written = [key for key in order if key.startswith("note/")]
    content = machines.store("one").manifest(first).content
    assert written == [f"{place(first)}/{content}/note.txt", f"{place(first)}/manifest.json"]


def test_run_that_ends_before_its_manifest_is_written_shows_nothing_and_is_carried_on(
    bucket: Memory, machines: Machines
) -> None:
    def cut(verb: str, key: str) -> None:
        if verb == "write" and key.endswith("manifest.json"):
            raise StoreUnreachable("cut")

    bucket.before = cut
    with pytest.raises(StoreUnreachable):
        note(Note(text="a"), machines.on("one"))
    bucket.before = lambda _verb, _key: None
    assert list(machines.store("two").manifests()) == []
    again = note(Note(text="a"), machines.on("one"))
    assert how(again) == "Completed"
    assert text_of(machines.store("two"), made(again)) == "a"


def test_media_that_rows_show_come_along_as_bytes_once(machines: Machines, bucket: Memory, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("a clip")
    medium = Media(kind="video", digest=hash_file(clip), path="clip.mp4")
    link(machines.store("one").blobs, clip, medium.digest)
    rows = rows_of(machines.on("one"), example("1", media=(medium,)))
    uploaded: list[str] = []
    bucket.before = lambda verb, key: uploaded.append(key) if verb == "upload" else None
    rows_of(machines.on("one"), example("1", media=(medium,)), example("2", media=(medium,)))
    assert not [key for key in uploaded if key.startswith("blobs/")]
    clip.unlink()
    store = machines.store("two")
    store.folder(rows)
    assert not blob_path(store.blobs, medium.digest).exists()
    store.bring_media([rows])
    assert blob_path(store.blobs, medium.digest).read_text() == "a clip"


def test_rows_whose_media_are_nowhere_are_not_published(machines: Machines, bucket: Memory) -> None:
    lost = Media(kind="video", digest="ab" * 32, path="clip.mp4")
    with pytest.raises(UserError, match="leads nowhere") as caught:
        rows_of(machines.on("one"), example("1", media=(lost,)))
    one_line(caught.value)
    assert [key for key in bucket.objects if key.endswith("manifest.json")] == []


def test_names_are_numbered_for_all_machines(machines: Machines, first: Artifact) -> None:
    second = made(note(Note(text="b"), machines.on("two")))
    one, two = machines.store("one"), machines.store("two")
    given = [
        str(names.give(store, "demo/note", artifact))
        for store, artifact in ((one, first), (two, second), (one, second))
    ]
    assert given == ["demo/note@1", "demo/note@2", "demo/note@2"]
    assert names.find(one, "demo/note") == second
    assert [str(name) for name in names.every(machines.store("three"))] == ["demo/note@1", "demo/note@2"]


def test_name_that_another_machine_gives_at_the_same_moment_gets_the_next_number(
    machines: Machines, bucket: Memory, first: Artifact
) -> None:
    second = made(note(Note(text="b"), machines.on("two")))
    one, two = machines.store("one"), machines.store("two")
    raced: list[names.Name] = []

    def race(verb: str, key: str) -> None:
        if verb == "write" and key.startswith("names/") and not raced:
            bucket.before = lambda _verb, _key: None
            raced.append(names.give(two, "demo/note", second))

    bucket.before = race
    assert str(names.give(one, "demo/note", first)) == "demo/note@2"
    assert [str(name) for name in raced] == ["demo/note@1"]


def test_runs_of_all_machines_are_known(machines: Machines, first: Artifact) -> None:
    note(Note(text="a"), machines.on("two"))
    found = [(line.artifact, line.how) for line in runs.lines(machines.store("three"))]
    assert sorted(found, key=str) == [(first, "made"), (first, "reused")]


def test_run_does_not_wait_for_what_another_shares(machines: Machines, bucket: Memory, first: Artifact) -> None:
    store = machines.store("one")
    noted = threading.Event()

    def note_another() -> None:
        runs.note(store, "run-2", first, "reused")
        noted.set()

    other = threading.Thread(target=note_another)

    def slow(verb: str, key: str) -> None:
        if verb == "upload" and key.startswith("runs/run-1@"):
            other.start()
            assert noted.wait(20)

    bucket.before = slow
    runs.note(store, "run-1", first, "reused")
    other.join()


def test_what_is_shared_last_of_a_run_is_all_that_it_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: Artifact
) -> None:
    """However many of its stages end at once."""

    class Slow(Memory):
        def upload(self, path: Path, key: str) -> None:
            content = path.read_bytes()
            os.sched_yield()
            self._put(key, content)

    bucket = Slow()
    machines = Machines(monkeypatch, tmp_path / "slow", bucket.url, bucket)
    store = machines.store("one")
    threads = [threading.Thread(target=runs.note, args=(store, "run-1", first, "made")) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(runs.lines(machines.store("two")))) == 30


def test_artifact_that_is_removed_is_gone_for_all(machines: Machines, first: Artifact) -> None:
    two = machines.store("two")
    two.folder(first)
    machines.store("one").discard(first)
    assert list(machines.store("two").manifests()) == []
    with pytest.raises(ArtifactNotFound, match="s3://memory/store holds no artifact"):
        machines.store("two").folder(first)
    assert how(note(Note(text="a"), machines.on("two"))) == "Completed"


def test_file_that_was_damaged_in_the_bucket_is_found_on_reading_and_made_anew(
    machines: Machines, bucket: Memory, first: Artifact
) -> None:
    (key,) = data_keys(bucket, first)
    bucket.flip(key, 0, 3)
    with pytest.raises(UserError, match=r"is damaged.*run again to have it made anew") as caught:
        machines.store("two").folder(first)
    one_line(caught.value)
    assert how(note(Note(text="a"), machines.on("two"))) == "Completed"
    assert text_of(machines.store("three"), first) == "a"


def test_file_that_is_gone_from_the_bucket_is_made_anew(machines: Machines, bucket: Memory, first: Artifact) -> None:
    (key,) = data_keys(bucket, first)
    bucket.remove([key])
    assert how(note(Note(text="a"), machines.on("two"))) == "Completed"
    assert text_of(machines.store("three"), first) == "a"


def test_copy_that_was_changed_here_is_fetched_anew(machines: Machines, first: Artifact) -> None:
    store = machines.store("two")
    (store.folder(first) / "note.txt").write_text("changed")
    (store.folder(first) / "more.txt").write_text("of nobody")
    assert files_below(store.folder(first)).keys() == {"manifest.json", "note.txt"}
    assert text_of(store, first) == "a"


def test_content_made_anew_elsewhere_replaces_the_copy_here(machines: Machines, tmp_path: Path) -> None:
    """A stage that breaks the rules gives other bytes; who reuses it gets the new ones whole."""
    outside = tmp_path / "outside"
    outside.write_text("old")

    def run(name: str) -> object:
        return fetched(Note(text=""), Where(store=machines.on(name).store, file=str(outside)))

    old = made(run("one"))
    machines.store("two").folder(old)
    machines.store("one").discard(old)
    outside.write_text("new")
    assert how(run("one")) == "Completed"
    assert how(run("two")) == "Reused"
    assert (machines.store("two").folder(old) / "fetched.txt").read_text() == "new"


def test_what_one_machine_was_answered_the_others_need_not_ask(machines: Machines, bucket: Memory) -> None:
    llm = Llm(provider="offline", model="rules")
    machines.on("one")
    with response_log(machines.runtime, llm) as log, closing(open_log(log)) as connection:
        connection.execute(
            "INSERT INTO responses (identity, text, finished, shared) VALUES ('asked', 'forty-two', 1.0, 0)"
        )
    machines.on("two")
    with response_log(machines.runtime, llm) as log, closing(open_log(log)) as connection:
        assert connection.execute("SELECT identity, text FROM responses").fetchall() == [("asked", "forty-two")]
    assert len([key for key in bucket.objects if key.startswith("llm/segments/")]) == 1


# Two at once


def test_run_that_finds_an_artifact_being_made_waits_and_reuses_it(
    machines: Machines, bucket: Memory, tmp_path: Path
) -> None:
    one, two = machines.store("one"), machines.store("two")
    artifact = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    order: list[str] = []
    waiting = threading.Event()

    def wait_and_find() -> None:
        with two.draft(artifact, {}, lambda *_: None, lambda _holder: waiting.set()):
            order.append("reused" if two.find("note", "0" * 64, {}) else "made")

    with one.draft(artifact, {}, lambda *_: None, lambda _holder: None, "run-1") as draft:
        other = threading.Thread(target=wait_and_find)
        other.start()
        assert waiting.wait(20)
        (draft.folder / "note.txt").write_text("a")
        one.publish(draft, artifact, "1", Note(text="a"), {}, 0.0, 1)
    other.join()
    assert order == ["reused"]
    assert [key for key in bucket.objects if key.startswith("leases/")] == []


def test_holder_that_was_held_up_does_not_publish_over_who_took_over(machines: Machines, bucket: Memory) -> None:
    one = machines.store("one")
    artifact = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    key = f"leases/{place(artifact)}.json"
    with (
        pytest.raises(LeaseLost, match="taken over") as caught,
        one.draft(artifact, {}, lambda *_: None, lambda _holder: None) as draft,
    ):
        (draft.folder / "note.txt").write_text("of the first")
        other = Lease(host="two", pid=1, run="second", token="two")
        while bucket.write(key, other.model_dump_json().encode(), over=bucket.objects[key].tag) is None:
            pass  # between two beats
        one.publish(draft, artifact, "1", Note(text="a"), {}, 0.0, 1)
    one_line(caught.value)
    assert bucket.objects[key].content == other.model_dump_json().encode()
    assert [found for found in bucket.objects if found.startswith("note/")] == []


def test_holder_that_was_held_up_in_the_middle_of_publishing_leaves_the_others_artifact_whole(
    machines: Machines, bucket: Memory
) -> None:
    """Even where nothing told it that its lease is gone: the manifest is not the one that it has seen."""
    one, two = machines.store("one"), machines.store("two")
    artifact = Artifact(stage="note", fingerprint="0" * 64, kind="folder")

    def publish(store: Store, text: str) -> None:
        with store.draft(artifact, {}, lambda *_: None, lambda _holder: None) as draft:
            (draft.folder / "note.txt").write_text(text)
            store.publish(draft, artifact, "1", Note(text="a"), {}, 0.0, 1)

    def stop_before_the_manifest(verb: str, key: str) -> None:
        if verb == "write" and key.endswith("manifest.json"):
            bucket.before = lambda _verb, _key: None
            lease = bucket.objects.pop(f"leases/{place(artifact)}.json")
            publish(two, "of the second")
            bucket.objects[f"leases/{place(artifact)}.json"] = lease

    bucket.before = stop_before_the_manifest
    with pytest.raises(LeaseLost, match="has another"):
        publish(one, "of the first")
    assert text_of(machines.store("three"), artifact) == "of the second"
    assert list(verifying.verify(machines.store("three"))) == [[]]


# What goes, and what is damaged


def test_garbage_goes_from_the_bucket_with_its_media_and_what_was_never_finished(
    machines: Machines, bucket: Memory, tmp_path: Path
) -> None:
    store = machines.store("one")
    for name in ("kept", "loose"):
        (tmp_path / name).write_text(name)
        link(store.blobs, tmp_path / name, hash_file(tmp_path / name))
    kept, loose = (
        rows_of(
            machines.runtime,
            example(name, media=(Media(kind="image", digest=hash_file(tmp_path / name), path=name),)),
        )
        for name in ("kept", "loose")
    )
    names.give(store, "demo/kept", kept)
    bucket.write(f"{place(kept)}/{'0' * 64}/half.parquet", b"of a run that died", over=None)
    found = garbage.collect(machines.store("two"), keep_days=0)
    assert found.artifacts == (loose,)
    assert [key for key in bucket.objects if key.startswith("blobs/")] == [
        f"blobs/{hash_file(tmp_path / 'kept')[:2]}/{hash_file(tmp_path / 'kept')}"
    ]
    assert [manifest.artifact for manifest in machines.store("three").manifests()] == [kept]
    assert list(verifying.verify(machines.store("three"))) == [[]]
    assert not [key for key in bucket.objects if "half" in key or key.startswith(("leases/", place(loose)))]


def test_files_that_a_running_machine_uploads_are_no_garbage(machines: Machines, bucket: Memory) -> None:
    artifact = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    one, two = machines.store("one"), machines.store("two")
    with one.draft(artifact, {}, lambda *_: None, lambda _holder: None, "run-1") as draft:
        bucket.write(f"{place(artifact)}/{'0' * 64}/note.txt", b"a", over=None)
        assert garbage.collect(two, keep_days=0).objects == ()
        (draft.folder / "note.txt").write_text("a")
        one.publish(draft, artifact, "1", Note(text="a"), {}, 0.0, 1)
    assert text_of(machines.store("three"), artifact) == "a"


def test_what_a_run_on_another_machine_touched_stays_while_it_makes_something(
    machines: Machines, first: Artifact
) -> None:
    one, two = machines.store("one"), machines.store("two")
    runs.note(one, "run-1", first, "reused")
    making = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    with one.draft(making, {}, lambda *_: None, lambda _holder: None, "run-1"):
        assert garbage.find_garbage(two, keep_days=0).artifacts == ()
    assert garbage.find_garbage(two, keep_days=0).artifacts == (first,)


def test_run_that_begins_while_garbage_is_collected_waits_for_the_end(machines: Machines, bucket: Memory) -> None:
    one, two = machines.store("one"), machines.store("two")
    begun, waiting, looked = threading.Event(), threading.Event(), list[str]()

    def begin() -> None:
        with one.draft(Artifact(stage="note", fingerprint="0", kind="folder"), {}, lambda *_: None, lambda _: None):
            begun.set()

    def look_again(verb: str, key: str) -> None:
        if verb == "read" and key == "leases/collector.json":
            looked.append(key)
            if len(looked) == 2:
                waiting.set()

    other = threading.Thread(target=begin)
    with two.origin.collecting():
        bucket.before = look_again
        other.start()
        assert waiting.wait(20)
        assert not begun.is_set()
    other.join()
    assert begun.is_set()


def test_verifying_finds_what_differs_in_the_bucket_and_a_rerun_mends_it(
    machines: Machines, bucket: Memory, first: Artifact
) -> None:
    (key,) = data_keys(bucket, first)
    bucket.flip(key, 0, 0)
    (lines,) = verifying.verify(machines.store("two"))
    assert lines == [f"{first}: note.txt is not what was written"]
    assert how(note(Note(text="a"), machines.on("one"))) == "Completed"
    assert list(verifying.verify(machines.store("two"))) == [[]]


def test_verifying_finds_a_damaged_manifest_and_a_damaged_copy(
    machines: Machines, bucket: Memory, first: Artifact
) -> None:
    store = machines.store("two")
    (store.folder(first) / "note.txt").write_text("b")
    assert [len(lines) for lines in verifying.verify(store)] == [1]
    bucket.flip(f"{place(first)}/manifest.json", 300, 2)
    ((line,),) = verifying.verify(machines.store("three"))
    assert line.startswith(f"s3://memory/store/{place(first)}/manifest.json is not a manifest as it was written")


@pytest.mark.parametrize("key", ["names/../../../outside.json", "names//etc/outside.json", "names/a\\b.json"])
def test_key_that_leads_out_of_the_folder_is_refused(
    machines: Machines, bucket: Memory, tmp_path: Path, key: str
) -> None:
    bucket.write(key, b"{}", over=None)
    with pytest.raises(UserError) as caught:
        list(names.every(machines.store("one")))
    one_line(caught.value)
    assert [path for path in tmp_path.rglob("outside*") if "names" not in path.parts] == []


def test_artifact_that_is_published_while_all_are_listed_stays_here(
    machines: Machines, bucket: Memory, first: Artifact
) -> None:
    published: list[Artifact] = []

    def list_and_publish(prefix: str) -> Iterator[Found]:
        listed = list(Memory.list(bucket, prefix))
        if prefix == "note/":
            del bucket.list
            published.append(made(note(Note(text="b"), machines.on("one"))))
        return iter(listed)

    store = machines.store("one")
    bucket.list = list_and_publish  # type: ignore[method-assign]
    assert first in {manifest.artifact for manifest in store.manifests()}
    assert (store.root / place(published[0]) / "note.txt").read_text() == "b"


def test_artifact_that_is_published_while_it_is_asked_for_stays_here(machines: Machines, bucket: Memory) -> None:
    published: list[Artifact] = []

    def read_and_publish(key: str) -> Version | None:
        there = Memory.read(bucket, key)
        if key.endswith("manifest.json"):
            del bucket.read
            published.append(made(note(Note(text="b"), machines.on("one"))))
        return there

    store = machines.store("one")
    artifact = made(note(Note(text="b"), machines.on("one")))
    store.discard(artifact)
    bucket.read = read_and_publish  # type: ignore[method-assign]
    machines.store("one").origin.look((artifact.stage, artifact.fingerprint))
    assert published == [artifact]
    assert (store.root / place(artifact) / "note.txt").read_text() == "b"


def test_store_in_which_garbage_was_looked_for_can_still_remove(machines: Machines, first: Artifact) -> None:
    store = machines.store("one")
    assert garbage.find_garbage(store, keep_days=0).artifacts == (first,)
    store.discard(first)
    assert list(store.manifests()) == []


def test_artifact_whose_name_leads_out_of_the_folder_is_refused(machines: Machines) -> None:
    for stage, fingerprint in (("..", "0"), ("note", "../.."), ("/etc", "0"), ("note", "")):
        with pytest.raises(UserError, match="no artifact is called") as caught:
            machines.store("one").folder(Artifact(stage=stage, fingerprint=fingerprint, kind="folder"))
        one_line(caught.value)


# URLs


@pytest.mark.parametrize("url", ["memory://bucket/x", "az://bucket/x", "http://host/x", "s4://bucket"])
def test_url_of_a_kind_that_cannot_hold_a_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no store can be at") as caught:
        Store(url)
    one_line(caught.value)


def test_folder_may_be_given_as_a_file_url(tmp_path: Path) -> None:
    assert Store(f"file://{tmp_path}/store").root == Store(tmp_path / "store").root


def test_url_that_was_taken_for_a_path_is_the_same_store(machines: Machines, first: Artifact) -> None:
    machines.on("one")
    assert text_of(Store(Path(machines.runtime.store)), first) == "a"


def test_bucket_on_google_needs_its_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTEXTFIRST_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"needs gcsfs: pip install 'contextfirst\[gcs\]'"):
        Store("gs://bucket/store")


def test_cache_that_cannot_be_written_is_a_mistake_in_one_line(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONTEXTFIRST_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="set CONTEXTFIRST_CACHE to a folder that can") as caught:
        Store(machines.runtime.store)
    one_line(caught.value)
