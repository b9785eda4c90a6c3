"""Datasets of the hub: a revision becomes a commit, and its files come whole, once, with the bytes the hub states."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session, constants
from prefect.states import Failed

from flows import revisions
from media.blobs import blob_path
from recipes.reading import read_recipe
from schemas.artifact import Artifact
from schemas.failures import HubUnreachable
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.folder import read_entries
from storage.hub import passes
from storage.store import Store
from tasks.fetch import FILES, FetchParams, FetchRuntime, fetch
from tasks.find_commit import find_commit
from tasks.source import SourceParams, SourceRuntime, source
from tests.hub_server import FIRST, SECOND, Answer, Asked, Fault, HubServer, error, hub
from tests.stages import how, made, one_line

NAME = "maker/clips"
TOKEN = "hf_never_to_be_shown"
CLIP = os.urandom(5_000_000)
OLD = {".gitattributes": b"*.mp4", "qa.json": b"[]", "videos/a long name.mp4": CLIP, "videos/2.mp4": b"x" * 3000}
NEW = OLD | {"qa.json": b"[1]", "videos/3.mp4": b"y" * 3000}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with one dataset of two commits, and a client that may use the network and has a token."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)  # what a cut transfer keeps is whole chunks
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with hub({NAME: {FIRST: OLD, SECOND: NEW}}, tags={"v1": FIRST}) as server:
        yield server
    close_session()


@pytest.fixture
def runtime(tmp_path: Path, server: HubServer) -> FetchRuntime:
    return FetchRuntime(store=str(tmp_path / "store"), workers=1, endpoint=server.address)


def fetched(runtime: FetchRuntime, commit: str = FIRST, files: tuple[str, ...] = (), name: str = NAME) -> object:
    return fetch.fn(FetchParams(repository=name, commit=commit, files=files), runtime)


def contents(artifact: Artifact, runtime: Runtime) -> dict[str, bytes]:
    """What the source lists of the fetched artifact, by name."""
    store = Store(runtime.store)
    where = SourceRuntime(store=runtime.store, folder=FILES)
    listed = made(source.fn(SourceParams(dataset="video_r1", revision=FIRST), artifact, where))
    entries = read_entries(store.folder(listed))
    return {entry.path: blob_path(store.blobs, entry.digest).read_bytes() for entry in entries}


def shown(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.startswith(".")}


def in_turn(*faults: Fault) -> Fault:
    """The faults befall requests for large files one after the other; then all is well."""
    ahead = iter(faults)

    def befall(asked: Asked, answer: Answer) -> Answer:
        if "/cdn/" in asked.path and (fault := next(ahead, None)):
            return fault(asked, answer)
        return answer

    return befall


def cut(asked: Asked, answer: Answer) -> Answer:
    return answer._replace(cut=1 << 20)


def down(asked: Asked, answer: Answer) -> Answer:
    return Answer(503, b"")


def garbled(asked: Asked, answer: Answer) -> Answer:
    return answer._replace(body=answer.body[:-1] + b"?")


# Revisions


@pytest.mark.parametrize(("revision", "commit"), [("latest", SECOND), ("main", SECOND), ("v1", FIRST), (FIRST, FIRST)])
def test_revision_becomes_a_commit(server: HubServer, revision: str, commit: str) -> None:
    assert find_commit.fn(NAME, revision, server.address) == commit


def test_commit_is_not_asked_for(server: HubServer) -> None:
    find_commit.fn(NAME, FIRST, server.address)
    assert server.asked == []


def test_sources_of_one_repository_see_one_commit_however_often_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    commits = iter([FIRST, SECOND])

    def find_commit(repository: str, revision: str) -> str:
        return next(commits)

    monkeypatch.setattr(revisions, "find_commit", find_commit)
    at_hub = [
        {"name": name, "dataset": "video_r1", "folder": f"hub:{NAME}", "revision": "latest"} for name in ("one", "two")
    ]
    recipe = read_recipe("demo", [f"sources={at_hub}", f"evaluation.benchmarks={at_hub[:1]}"])
    pinned = revisions.pinned(recipe)
    assert {item.revision for item in (*pinned.sources, *pinned.evaluation.benchmarks)} == {FIRST}
    assert revisions.pinned(recipe).sources[0].revision == SECOND
    assert revisions.pinned(read_recipe("demo")) == read_recipe("demo")


# Files


def test_files_of_a_commit_are_listed_like_a_folder(server: HubServer, runtime: FetchRuntime) -> None:
    artifact = made(fetched(runtime))
    assert contents(artifact, runtime) == shown(OLD)
    assert Store(runtime.store).manifest(artifact).params == {"repository": NAME, "commit": FIRST, "files": []}


def test_token_is_told_to_the_hub_alone(server: HubServer, runtime: FetchRuntime) -> None:
    fetched(runtime)
    told = {asked.authorization for asked in server.asked_for("/resolve/")}
    assert told == {f"Bearer {TOKEN}"}
    assert {asked.authorization for asked in server.asked_for("/cdn/")} == {None}
    written = [
        path for path in Path(runtime.store).rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]
    assert written == []


def test_only_files_that_fit_a_pattern_are_fetched(server: HubServer, runtime: FetchRuntime) -> None:
    assert set(contents(made(fetched(runtime, files=("*.json", "videos/2*"))), runtime)) == {"qa.json", "videos/2.mp4"}
    assert len(server.asked_for("/resolve/")) == 2


def test_pattern_that_fits_no_file_is_a_mistake(server: HubServer, runtime: FetchRuntime) -> None:
    with pytest.raises(UserError, match=r"holds no file that fits \*\.csv.*correct the source's `files`") as caught:
        fetched(runtime, files=("*.csv",))
    one_line(caught.value)


def test_second_run_of_a_commit_asks_for_nothing(server: HubServer, runtime: FetchRuntime) -> None:
    before = made(fetched(runtime))
    count = len(server.asked)
    after = fetched(runtime)
    assert (made(after), how(after), len(server.asked)) == (before, "Reused", count)


def test_file_lost_from_the_store_is_fetched_again(server: HubServer, runtime: FetchRuntime) -> None:
    artifact = made(fetched(runtime))
    (Store(runtime.store).folder(artifact) / FILES / "qa.json").unlink()
    again = fetched(runtime)
    assert (made(again), how(again)) == (artifact, "Completed")
    assert contents(artifact, runtime) == shown(OLD)


def test_new_commit_fetches_only_what_changed(server: HubServer, runtime: FetchRuntime) -> None:
    contents(made(fetched(runtime)), runtime)
    server.asked.clear()
    assert contents(made(fetched(runtime, SECOND)), runtime) == shown(NEW)
    assert sorted(asked.path.split("/")[-1] for asked in server.asked_for("/resolve/")) == ["3.mp4", "qa.json"]


def test_transfer_that_is_cut_carries_on_from_what_came(server: HubServer, runtime: FetchRuntime) -> None:
    server.fault = in_turn(cut)
    assert contents(made(fetched(runtime, files=("*long*",))), runtime) == {"videos/a long name.mp4": CLIP}
    assert [asked.range for asked in server.asked_for("/cdn/")] == [None, "bytes=1048576-"]


def test_next_run_carries_on_from_what_an_earlier_run_left(server: HubServer, runtime: FetchRuntime) -> None:
    server.fault = in_turn(cut, down)
    with pytest.raises(HubUnreachable, match="status 503"):
        fetched(runtime, files=("*long*",))
    server.asked.clear()
    assert contents(made(fetched(runtime, files=("*long*",))), runtime) == {"videos/a long name.mp4": CLIP}
    assert [asked.range for asked in server.asked_for("/cdn/")] == ["bytes=1048576-"]


def test_file_with_wrong_bytes_is_fetched_once_more(server: HubServer, runtime: FetchRuntime) -> None:
    server.fault = in_turn(garbled)
    assert contents(made(fetched(runtime, files=("*long*",))), runtime) == {"videos/a long name.mp4": CLIP}
    assert [asked.range for asked in server.asked_for("/cdn/")] == [None, None]


@pytest.mark.parametrize("name", ["qa.json", "videos/2.mp4"])
def test_file_that_keeps_coming_with_wrong_bytes_is_refused_by_name(
    server: HubServer, runtime: FetchRuntime, name: str
) -> None:
    server.fault = lambda asked, answer: garbled(asked, answer) if answer.body in (OLD[name],) else answer
    with pytest.raises(UserError, match=f"{name} of {FIRST} came twice with bytes that are not those") as caught:
        fetched(runtime)
    one_line(caught.value)
    assert list(Store(runtime.store).manifests()) == []


@pytest.mark.parametrize("name", ["../escape.mp4", "/etc/escape.mp4", "videos\\1.mp4"])
def test_dangerous_name_is_refused_before_anything_is_fetched(
    runtime: FetchRuntime, server: HubServer, name: str
) -> None:
    server.datasets = {NAME: {FIRST: {**OLD, name: b"x"}}}
    with pytest.raises(UserError, match=r"leads out of the folder|backslash") as caught:
        fetched(runtime)
    assert repr(name) in one_line(caught.value)
    assert server.asked_for("/resolve/") == []


def test_two_files_with_the_same_content_both_come(server: HubServer, runtime: FetchRuntime) -> None:
    twins = {"a/1.mp4": CLIP, "b/1.mp4": CLIP, "c/1.mp4": CLIP}
    server.datasets = {NAME: {FIRST: twins}}
    assert contents(made(fetched(runtime)), runtime) == twins


def test_file_too_large_for_plain_http_is_a_mistake_that_names_the_way(
    server: HubServer, runtime: FetchRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "MAX_HTTP_DOWNLOAD_SIZE", 1_000_000)
    with pytest.raises(
        UserError, match=r"a long name\.mp4 is larger than .*: fetch the dataset with `hf download`"
    ) as caught:
        fetched(runtime)
    one_line(caught.value)


# What the hub refuses


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (error(401, "GatedRepo"), "is gated: accept its terms there and set HF_TOKEN"),
        (error(403, "GatedRepo"), "is gated: accept its terms there and set HF_TOKEN"),
        (error(403), r"is closed to HF_TOKEN \(403\)"),
    ],
)
def test_closed_dataset_is_a_mistake_that_says_how_to_open_it(
    server: HubServer, runtime: FetchRuntime, fault: Fault, said: str
) -> None:
    server.fault = fault
    with pytest.raises(UserError, match=said) as caught:
        fetched(runtime)
    assert f"{server.address}/datasets/{NAME}" in one_line(caught.value)
    assert TOKEN not in str(caught.value)


def test_missing_dataset_and_missing_revision_are_mistakes(server: HubServer, runtime: FetchRuntime) -> None:
    with pytest.raises(UserError, match="maker/nothing does not exist or is private: correct the name") as caught:
        find_commit.fn("maker/nothing", "latest", server.address)
    one_line(caught.value)
    with pytest.raises(UserError, match="has no revision 'v9': name `latest`, a branch, a tag or a commit") as caught:
        find_commit.fn(NAME, "v9", server.address)
    one_line(caught.value)
    with pytest.raises(UserError, match="has no revision '3333"):
        fetched(runtime, commit="3" * 40)


def test_client_that_may_not_use_the_network_says_so(
    runtime: FetchRuntime, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="is not in the store and HF_HUB_OFFLINE is set: unset it") as caught:
        fetched(runtime)
    one_line(caught.value)
    assert server.asked == []


@pytest.mark.parametrize("status", [400, 404, 410, 416, 451])
def test_answer_that_will_not_change_is_not_asked_for_again(
    server: HubServer, runtime: FetchRuntime, status: int
) -> None:
    server.fault = error(status, "EntryNotFound" if status == 404 else "")
    with pytest.raises(UserError, match=rf"status {status}\), and another try changes nothing") as caught:
        fetched(runtime)
    one_line(caught.value)


def test_only_some_statuses_pass() -> None:
    """The client itself waits long over the first two before it gives them up."""
    asked = (408, 429, 425, 500, 503, 400, 401, 404, 416, 451)
    assert [status for status in asked if passes(status)] == [408, 429, 425, 500, 503]


@pytest.mark.parametrize("status", [425, 502])
def test_hub_that_is_busy_is_asked_again(server: HubServer, runtime: FetchRuntime, status: int) -> None:
    server.fault = error(status)
    with pytest.raises(HubUnreachable, match=f"status {status}: a rerun carries on"):
        fetched(runtime)


def test_only_a_hub_that_does_not_answer_is_tried_again(server: HubServer, runtime: FetchRuntime) -> None:
    server.fault = error(500)
    with pytest.raises(HubUnreachable, match="status 500: a rerun carries on") as caught:
        fetched(runtime)
    try_again: Any = fetch.retry_condition_fn
    assert try_again is find_commit.retry_condition_fn
    faults = (caught.value, UserError("no"), OSError(28, "full"))
    assert [try_again(fetch, None, Failed(data=fault)) for fault in faults] == [True, False, False]
