"""What Prefect shows of a stage while it runs, and that showing it is never worth a wait or a failure."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterType,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.events.worker import EventsWorker
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.embedded import start_embedded_server
from schemas.runtime import Runtime
from storage.draft import Draft
from storage.store import Store
from tasks.progress import Progress
from tasks.stage import stage
from tasks.subprocesses import run_module
from tests.stages import Note
from tests.tasks.test_subprocesses import WORKER, Work

Send = Callable[[httpx.HTTPTransport, httpx.Request], httpx.Response]


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """Its socket for events is closed at the end: each ping draws from `random`, under the feet of other tests."""
    with temporary_settings({PREFECT_API_URL: start_embedded_server()}):
        yield
        EventsWorker.drain_all(timeout=30)


@pytest.fixture(autouse=True)
def shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.progress._UI_SECONDS", 0.0)
    monkeypatch.setattr("tasks.subprocesses._LOG_SECONDS", 0.0)


class Wire:
    """The way to the server's artifacts, which may be cut or held up. asked: how often it was used."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.asked = 0
        self.is_cut = False
        self.is_free = threading.Event()
        self.is_free.set()

    def carry(self, transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if "/artifacts/" in request.url.path and request.method != "GET" and "filter" not in request.url.path:
            self.asked += 1
            self.is_free.wait(60)
            if self.is_cut:
                raise httpx.ConnectError("server away")
        return self._send(transport, request)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire(httpx.HTTPTransport.handle_request)
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda *given: made.carry(*given))
    return made


class Lines(logging.Handler):
    """What was told in the logs of tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[list[str]]:
    handler, logger = Lines(), logging.getLogger("prefect.task_runs")
    logger.addHandler(handler)
    yield handler.said
    logger.removeHandler(handler)


def run(work: Callable[[Progress], Any]) -> UUID:
    """Do the work in a task of its own; the id of its flow's run."""

    @task(name="long", cache_policy=NO_CACHE)
    def long() -> None:
        with Progress("long work") as progress:
            work(progress)

    @flow
    def whole() -> UUID:
        long()
        return UUID(flow_run.id)

    return whole()


def artifacts(run: UUID) -> list[Any]:
    """Of progress, of a run of a flow."""
    asked = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[run]),
        type=ArtifactFilterType(any_=["progress"]),
    )
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=asked)


def until(met: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_task_that_ends_well_has_an_artifact_that_is_at_its_end() -> None:
    (artifact,) = artifacts(run(lambda progress: progress(3, 10, "rows")))
    assert (artifact.type, artifact.data, artifact.description) == ("progress", 100.0, "long work")
    assert artifact.task_run_id is not None and artifact.key.startswith("long-")


def test_task_that_fails_has_an_artifact_that_says_how_far_it_came(wire: Wire) -> None:
    found: list[UUID] = []

    def work(progress: Progress) -> None:
        found.append(UUID(flow_run.id))
        progress(3, 10, "rows")
        until(lambda: artifacts(found[0]))
        raise ValueError("a fault of the work")

    with pytest.raises(ValueError, match="a fault of the work"):
        run(work)
    assert [artifact.data for artifact in artifacts(found[0])] == [30.0]


def test_thread_that_knows_no_task_shows_the_progress_of_the_task_it_works_for() -> None:
    def work(progress: Progress) -> None:
        thread = threading.Thread(target=progress, args=(3, 10, "rows"))
        thread.start()
        thread.join()

    assert len(artifacts(run(work))) == 1


def test_slow_server_holds_nobody_up_and_is_told_the_newest_alone(wire: Wire) -> None:
    def work(progress: Progress) -> None:
        wire.is_free.clear()
        began = time.monotonic()
        for row in range(100):
            progress(row, 100, "rows")
        assert time.monotonic() - began < 1
        until(lambda: wire.asked)
        wire.is_free.set()

    assert [artifact.data for artifact in artifacts(run(work))] == [100.0]
    assert wire.asked <= 3


def test_server_that_never_answers_does_not_hold_up_the_end_of_a_stage(wire: Wire) -> None:
    took: list[float] = []

    def work(progress: Progress) -> None:
        wire.is_free.clear()
        progress(3, 10, "rows")
        until(lambda: wire.asked)
        took.append(time.monotonic())

    try:
        run(work)
        assert time.monotonic() - took[0] < 20
    finally:
        wire.is_cut = True  # what still waits opens no connection that nobody would close
        wire.is_free.set()


def test_server_that_is_away_is_told_once_and_fails_no_stage(wire: Wire, lines: list[str]) -> None:
    def work(progress: Progress) -> None:
        wire.is_cut = True
        for row in range(1, 4):
            progress(row, 10, "rows")
            until(lambda row=row: wire.asked >= row)

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        assert artifacts(run(work)) == []
    assert [line for line in lines if "progress" in line] == [
        "the progress of long work is not shown, and the work goes on: ConnectError: server away"
    ]


def test_server_that_comes_back_is_shown_the_rest(wire: Wire) -> None:
    def work(progress: Progress) -> None:
        wire.is_cut = True
        progress(1, 10, "rows")
        until(lambda: wire.asked)
        wire.is_cut = False
        progress(2, 10, "rows")

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        assert [artifact.data for artifact in artifacts(run(work))] == [100.0]


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="folder")
def trained(draft: Draft, params: Note, runtime: Runtime) -> None:
    run_module(WORKER, Work(say="done", out=str(draft.folder / "out.txt")), draft, runtime)


def test_training_shows_its_steps_and_a_sample_of_its_lines(tmp_path: Path) -> None:
    @flow
    def training() -> UUID:
        trained(Note(text=""), Runtime(store=str(tmp_path / "store")))
        return UUID(flow_run.id)

    done = training()
    assert [artifact.data for artifact in artifacts(done)] == [100.0]
    until(lambda: any("step 3/3 loss 0.5" in line for line in logged(done)))
    assert len(list(Store(str(tmp_path / "store")).manifests())) == 1


def logged(run: UUID) -> list[str]:
    """The lines of a run's tasks as the server has them."""
    found = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))  # type: ignore[call-arg]
    with get_client(sync_client=True) as client:
        answer = client.request("POST", "/logs/filter", json={"logs": found.model_dump(mode="json")})
    return [line["message"] for line in answer.json() if line["task_run_id"]]
