"""Shards done by other processes, by Dask's workers and by Ray give the same bytes, and a dead worker costs no row."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from schemas.artifact import Artifact, Manifest
from schemas.failures import BudgetReached, LeaseLost, ModuleFailed, NoAnswer, StoreUnreachable
from schemas.llm import Llm, LlmLimits, Price
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.store import Store
from tasks import executors
from tasks.executors import Crew
from tasks.ingest import ingest
from tasks.lanes import GONE, Ended, raise_fault, work_off
from tasks.rate import RateParams, rate
from tasks.reading.blocks import ROWS, IngestParams
from tasks.rewrite import RewriteParams, rewrite
from tasks.shards import parts_of
from tasks.source import SourceParams, SourceRuntime, source
from tests.llm.vendors.faults import Behaviour
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors, serving
from tests.stages import example, made, one_line, rows_of
from tests.tasks.clusters import dask, ray, until
from tests.tasks.test_rewrite_killed import ROOT, point, say, tables

COUNT = 90
LLM = Llm(provider="openai", model="m")


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendors]:
    with serving(Behaviour(latency=0.05), say) as served:
        point(monkeypatch, served)
        yield served


def rewritten(store: Path, executor: str, **limits: object) -> Artifact:
    """Rows rewritten in shards of 7, the last one smaller."""
    runtime = Runtime(store=str(store), executor=executor, llm=LlmLimits.model_validate({"concurrency": 8} | limits))
    entered = rows_of(runtime, *(example(f"{number:04d}") for number in range(COUNT)))
    return made(rewrite.fn(RewriteParams(llm=LLM, rows_per_shard=7, max_reject_share=0.5), entered, runtime))


def content(store: Path, artifact: Artifact) -> dict[str, bytes]:
    return tables(Store(store).folder(artifact))


def manifest(store: Path, artifact: Artifact) -> Manifest:
    return Store(store).manifest(artifact)


def test_rows_rewritten_by_several_processes_are_those_of_one(tmp_path: Path, vendors: Vendors) -> None:
    alone, shared = (rewritten(tmp_path / executor, executor) for executor in ("local", "processes"))
    assert content(tmp_path / "processes", shared) == content(tmp_path / "local", alone)
    counts = [manifest(tmp_path / kind, made).rows for kind, made in (("local", alone), ("processes", shared))]
    assert counts[0] == counts[1] and counts[0].entered == COUNT
    assert manifest(tmp_path / "processes", shared).usage.calls == manifest(tmp_path / "local", alone).usage.calls


def test_budget_holds_over_all_processes_stops_the_run_as_what_it_is_and_can_be_raised(
    tmp_path: Path, vendors: Vendors
) -> None:
    prices = {"m": Price(input=1000.0, output=50.0)}  # of one request 1.1 dollars at most are set aside
    with pytest.raises(BudgetReached, match=r"raise llm\.max_dollars") as caught:
        rewritten(tmp_path, "processes", prices=prices, max_dollars=20.0)
    one_line(caught.value)
    with sqlite3.connect(tmp_path / "llm" / "responses.sqlite") as log:
        (spent,) = log.execute("SELECT total(cost) FROM responses").fetchone()
    assert 20.0 - 1.1 < spent <= 20.0
    held = asked_and_logged(tmp_path, vendors)
    rewritten(tmp_path, "local", prices=prices, max_dollars=100.0)
    assert held and {name: vendors.counters.asked[name] for name in held} == held, "paid again"


def work_off_later(module: str, job: str, threads: int) -> "Future[Ended]":
    raise AssertionError("nothing is to be done")


def crew_of(lanes: int, *hosts: str) -> Crew:
    return Crew(lanes, frozenset(hosts), work_off_later)


def test_concurrency_is_divided_by_lanes_and_all_else_by_hosts() -> None:
    whole = LlmLimits(
        concurrency=35, requests_per_minute=600, tokens_per_minute=None, max_dollars=10.0, max_tokens=None
    )
    parts = parts_of(whole, crew_of(8, "a", "b"), 100, spent=(2.0, 0))
    assert [part.concurrency for part in parts] == [5, 5, 5, 4, 4, 4, 4, 4]
    for part in parts:
        assert (part.requests_per_minute, part.tokens_per_minute) == (300, None)
        assert (part.max_dollars, part.max_tokens) == (2.0 + 8.0 / 2, None)


@pytest.mark.parametrize(("concurrency", "shards", "lanes"), [(4, 100, 4), (32, 3, 3), (32, 100, 16), (32, 0, 1)])
def test_no_more_lanes_are_begun_than_there_is_to_do_at_once(concurrency: int, shards: int, lanes: int) -> None:
    parts = parts_of(LlmLimits(concurrency=concurrency), crew_of(16, "a"), shards, spent=(0.0, 0))
    assert len(parts) == lanes
    assert sum(part.concurrency for part in parts) == concurrency


def test_lanes_of_one_host_have_the_whole_budget_together() -> None:
    (*_, last) = parts_of(LlmLimits(max_dollars=10.0, max_tokens=7), crew_of(4, "a"), 100, spent=(8.0, 3))
    assert (last.max_dollars, last.max_tokens) == (10.0, 7)


@pytest.mark.parametrize("store", ["s3://bucket/place", str(Path("s3://bucket/place"))])
def test_store_in_a_bucket_takes_no_workers_of_other_machines(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(store=store, executor="dask://head:8786")
    with pytest.raises(UserError, match=r"workers on 192\.0\.2\.1, and the store s3://bucket/place keeps") as caught:
        begin(monkeypatch, runtime, "192.0.2.1")
    one_line(caught.value)
    begin(monkeypatch, runtime, "127.0.0.1")


@pytest.mark.parametrize("store", ["/place", "file:///place"])
def test_store_in_a_folder_takes_workers_of_other_machines(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(monkeypatch, Runtime(store=store, executor="dask://head:8786"), "192.0.2.1", "127.0.0.1")


def begin(patch: pytest.MonkeyPatch, runtime: Runtime, *hosts: str) -> None:
    """As if Dask had workers there."""
    patch.setitem(executors._KINDS, "dask", lambda _address, _number: nullcontext(crew_of(4, *hosts)))
    with executors.crew(runtime) as found:
        assert found.hosts == frozenset(hosts)


def test_worker_that_does_not_see_the_store_says_so(tmp_path: Path) -> None:
    work = tmp_path / "draft" / ".work"
    with pytest.raises(UserError, match=rf"the worker on \S+ does not see {work}: let it have the store") as caught:
        raise_fault("tests.tasks.worker", work_off("tests.tasks.worker", json.dumps({"work": str(work)}), 1))
    one_line(caught.value)


def test_dask_worker_that_dies_costs_no_row_and_nothing_that_is_logged(tmp_path: Path, vendors: Vendors) -> None:
    store = tmp_path / "shared"
    alone = rewritten(tmp_path / "alone", "local")
    held = list[Counter[str]]()
    with dask(tmp_path) as cluster:
        first, second = cluster.workers

        def look(question: Question) -> str:
            """Kill a worker once a shard is marked."""
            if not held and a_shard_is_marked(store):
                first.kill()
                first.wait()
                held.append(asked_and_logged(store, vendors))
            return say(question)

        vendors.counters.asked.clear()
        vendors.desk.say = look
        shared = rewritten(store, cluster.executor)
        assert (first.poll(), second.poll()) == (-signal.SIGKILL, None)
    assert content(store, shared) == content(tmp_path / "alone", alone)
    assert held[0] and {name: vendors.counters.asked[name] for name in held[0]} == held[0], "paid again"


@pytest.mark.slow
def test_lanes_of_a_run_that_is_killed_end_and_the_next_run_goes_on(tmp_path: Path, vendors: Vendors) -> None:
    store = tmp_path / "shared"
    alone = rewritten(tmp_path / "alone", "local")
    vendors.counters.asked.clear()
    code = (
        f"from pathlib import Path; from tests.tasks.test_executors import rewritten; rewritten(Path({str(store)!r}), "
    )
    with dask(tmp_path) as cluster:
        run = subprocess.Popen([sys.executable, "-c", f"{code}{cluster.executor!r})"], cwd=ROOT)
        until(lambda: a_shard_is_marked(store))
        run.kill()
        run.wait()
        until(lambda: not [child for worker in cluster.workers for child in psutil.Process(worker.pid).children()])
        held = asked_and_logged(store, vendors)
        shared = rewritten(store, cluster.executor)
    assert content(store, shared) == content(tmp_path / "alone", alone)
    assert held and {name: vendors.counters.asked[name] for name in held} == held, "paid again"


def a_shard_is_marked(store: Path) -> bool:
    return any(store.glob(".drafts/rewrite/*/.work/shard-*.json"))


def asked_and_logged(store: Path, vendors: Vendors) -> Counter[str]:
    """Of what the log holds, by the server's names, how often each was asked."""
    with sqlite3.connect(store / "llm" / "responses.sqlite") as log:
        names = [str(name).removeprefix("chatcmpl-") for (name,) in log.execute("SELECT request_id FROM responses")]
    return Counter({name: vendors.counters.asked[name] for name in names})


@pytest.mark.slow
def test_rows_rated_on_dask_are_those_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dask(tmp_path) as cluster:
        artifacts = [_rated(tmp_path / kind, executor) for kind, executor in (("a", "local"), ("b", cluster.executor))]
    assert content(tmp_path / "a", artifacts[0]) == content(tmp_path / "b", artifacts[1])


def _rated(store: Path, executor: str) -> Artifact:
    runtime = Runtime(store=str(store), executor=executor)
    entered = rows_of(runtime, *(example(f"{number:04d}", context="A red square.") for number in range(20)))
    return made(rate.fn(RateParams(llm=Llm(provider="offline", model="rules-1"), rows_per_shard=6), entered, runtime))


@pytest.mark.slow
def test_source_read_on_dask_is_the_one_read_here(tmp_path: Path) -> None:
    here = _read(tmp_path, tmp_path / "here", "local")
    with dask(tmp_path) as cluster:
        there = _read(tmp_path, tmp_path / "there", cluster.executor)
    assert manifest(tmp_path / "there", there).rows == manifest(tmp_path / "here", here).rows
    assert content(tmp_path / "there", there) == content(tmp_path / "here", here)


def _read(folder: Path, store: Path, executor: str) -> Artifact:
    """Two full blocks and a bit of rows without media, which a benchmark keeps."""
    published = folder / "published"
    published.mkdir(exist_ok=True)
    row = {
        "problem": "Which?",
        "data_type": "video",
        "problem_type": "multiple choice",
        "options": ["A. red", "B. blue"],
    }
    row |= {"process": "", "solution": "<answer>A</answer>", "path": "gone.mp4", "data_source": "made"}
    asked = [row | {"problem_id": number} for number in range(2 * ROWS + 5)]
    (published / "Video-R1-COT-165k.json").write_text(json.dumps(asked))
    runtime = Runtime(store=str(store), executor=executor)
    where = SourceRuntime(**runtime.model_dump(), folder=str(published))
    listed = made(source.fn(SourceParams(dataset="video_r1", revision="r1"), None, where))
    params = IngestParams(dataset="video_r1", revision="r1", keep_unreadable=True)
    return made(ingest.fn(params, listed, runtime))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_rows_rewritten_on_ray_are_those_of_one_process(tmp_path: Path, vendors: Vendors) -> None:
    alone = rewritten(tmp_path / "alone", "local")
    with ray() as executor:
        shared = rewritten(tmp_path / "shared", executor)
    assert content(tmp_path / "shared", shared) == content(tmp_path / "alone", alone)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_ray_cluster_without_a_cpu_and_a_second_one_are_mistakes(tmp_path: Path) -> None:
    with ray(cpus=0) as executor:
        with pytest.raises(UserError, match=r"has no CPU for a lane: `ray start --num-cpus=N`") as caught:
            rewritten(tmp_path, executor)
        one_line(caught.value)
        with pytest.raises(
            UserError, match=r"is connected to the Ray cluster at \S+: it cannot use 192\.0\.2\.1:6379 too"
        ):
            rewritten(tmp_path, "ray://192.0.2.1:6379")


def test_cluster_that_is_not_there_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.executors._CONNECT_SECONDS", 1)
    with pytest.raises(UserError, match=r"no Dask scheduler answers at 127.0.0.1:9: start one") as caught:
        rewritten(tmp_path, "dask://127.0.0.1:9")
    one_line(caught.value)


@pytest.mark.parametrize("written", ["dask", "dask://", "dask://host", "ray://host", "threads", "processes://4"])
def test_executor_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="executor"):
        Runtime(store="s", executor=written)


def test_lane_that_fails_without_a_reason_shows_its_last_lines() -> None:
    ended = work_off("tests.tasks.worker", "{}", 1)
    with pytest.raises(ModuleFailed, match="KeyError: 'say'"):
        raise_fault("tests.tasks.worker", ended)


@pytest.mark.parametrize("kind", [UserError, NoAnswer, BudgetReached, StoreUnreachable, LeaseLost])
def test_what_stops_a_lane_stops_the_stage_as_what_it_is(kind: type[Exception], tmp_path: Path) -> None:
    job = json.dumps({"draft": str(tmp_path / ".drafts/stage/name"), "kind": kind.__name__})
    with pytest.raises(kind, match=r"^why it stopped$"):
        raise_fault("tests.tasks.failing", work_off("tests.tasks.failing", job, 1))


def test_full_disk_of_a_lane_is_told_as_in_the_run_itself(tmp_path: Path) -> None:
    job = json.dumps({"draft": str(tmp_path / ".drafts/stage/name"), "kind": "OSError"})
    with pytest.raises(UserError, match=rf"the disk of store {tmp_path} is full .* run again"):
        raise_fault("tests.tasks.failing", work_off("tests.tasks.failing", job, 1))


def test_lane_that_is_killed_is_begun_again_once(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    for most, code in ((2, 0), (3, -signal.SIGKILL)):
        lives.write_text("")
        job = json.dumps({"lives": str(lives), "killed": most - 1})
        assert work_off("tests.tasks.mortal", job, 1).code == code
        assert lives.read_text() == "alive\n" * 2


def test_lane_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    job = json.dumps({"say": "wait", "out": str(told)})
    assert work_off("tests.tasks.worker", job, 1, told.exists).code == GONE
    assert not psutil.pid_exists(int(told.read_text()))
