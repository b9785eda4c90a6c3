"""Runs that are cancelled or killed: what they leave running, which must be nothing, and where the next one goes on."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.serving import Served, served, within
from tests.flows.small import ROOT, run

pytestmark = pytest.mark.slow

LONG = ("stages.sft.params.steps=4000", "stages.sft.params.world_size=2")
"""Two ranks that train for longer than any test waits."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a store in which the data are curated, so that a run soon trains."""
    store, home = tmp_path_factory.mktemp("served") / "store", tmp_path_factory.mktemp("prefect")
    run("curate", store, home)
    with served(store, home, CONTEXTFIRST_NOTIFY=f"tee -a {home / 'told.json'}") as serving:
        yield serving


@pytest.fixture
def training(serving: Served) -> str:
    """A run that has just left a new checkpoint; its id."""
    if "flows.serve" not in str(serving.processes()):
        serving.start()  # the test before ended it
    known = _newest_checkpoint(serving.store)
    id = serving.run("train/train", *LONG)
    within(300, lambda: _ended(serving, id) or _newest_checkpoint(serving.store) > known)
    assert _ended(serving, id) == "", serving.log.read_text()[-3000:]
    return id


@pytest.fixture
def impatient(serving: Served) -> None:
    """The server waits for heartbeats, which come every 30 s, no longer than 45 s."""
    if "flows.serve" not in str(serving.processes()):
        serving.start()
    code = (
        "from datetime import timedelta\n"
        "from flows.dead_runs import watch_heartbeats\n"
        "watch_heartbeats(timedelta(seconds=45))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=serving.environment, check=True)


def test_run_that_falls_silent_is_marked_as_crashed(impatient: None, serving: Served, training: str) -> None:
    """As when the machine of a worker is gone: here the worker is frozen, so that it cannot tell."""
    (worker,) = (pid for pid, line in serving.processes().items() if "worker start" in line)
    os.kill(worker, signal.SIGSTOP)
    try:
        serving.kill("prefect.engine")
        within(180, lambda: serving.state(training) == "Crashed")
        assert "heartbeat" in serving.call(f"/flow_runs/{training}")["state"]["message"]
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.mark.parametrize("way", ["page", "command"])
def test_cancelled_training_ends_with_its_ranks_and_keeps_its_checkpoint(
    way: str, serving: Served, training: str
) -> None:
    assert sum("training.sft" in line for line in serving.of_runs().values()) >= 3  # the launcher and two ranks
    if way == "page":
        serving.cancel(training)
    else:
        serving.prefect("flow-run", "cancel", training)
    within(30, lambda: not serving.of_runs())
    within(30, lambda: serving.state(training) == "Cancelled")
    _goes_on(serving)


def test_second_run_of_a_deployment_waits_until_the_first_has_ended(serving: Served, training: str) -> None:
    second = serving.run("train/train", *LONG)
    within(60, lambda: serving.state(second) == "AwaitingConcurrencySlot")
    serving.cancel(training)
    within(120, lambda: serving.state(second) == "Running")
    serving.cancel(second)
    within(30, lambda: not serving.of_runs())


def test_killed_training_fails_its_run_and_leaves_nothing(serving: Served, training: str) -> None:
    serving.kill("training.sft")
    within(60, lambda: not serving.of_runs())
    within(30, lambda: serving.state(training) == "Failed")
    _goes_on(serving)


def test_killed_flow_crashes_its_run_and_leaves_nothing_and_somebody_is_told(serving: Served, training: str) -> None:
    serving.kill("prefect.engine")
    within(60, lambda: not serving.of_runs())
    within(30, lambda: serving.state(training) == "Crashed")
    within(60, lambda: training in _told(serving))
    _goes_on(serving)


@pytest.mark.parametrize("part", ["worker start", "server start"])
def test_killed_worker_or_server_ends_all_for_a_restart(part: str, serving: Served, training: str) -> None:
    serving.kill(part)
    assert serving.wait(60) == 1
    within(30, lambda: not serving.processes())
    serving.start()
    _goes_on(serving)


def test_killed_serve_takes_all_along(serving: Served, training: str) -> None:
    os.kill(serving.pid, signal.SIGKILL)
    serving.wait(10)
    within(60, lambda: not serving.processes())
    serving.start()
    _goes_on(serving)


def _goes_on(serving: Served) -> None:
    """Run again until a step is logged: it is the one after a checkpoint."""
    (log,) = (serving.store / "logs" / "sft").glob("*.log")
    known, size = _newest_checkpoint(serving.store), log.stat().st_size
    assert known > 0
    id = serving.run("train/train", *LONG)
    step = within(300, lambda: re.search(r"step (\d+)/4000", log.read_text()[size:]))
    assert int(step[1]) > known
    serving.cancel(id)
    within(30, lambda: not serving.of_runs())


def _newest_checkpoint(store: Path) -> int:
    """Its step; 0 where there is none."""
    found = store.glob(".drafts/sft/*/.work/checkpoint-*")
    return max((int(path.name.removeprefix("checkpoint-")) for path in found), default=0)


def _ended(serving: Served, run: str) -> str:
    state = serving.state(run)
    return state if state in ("Failed", "Crashed", "Cancelled") else ""


def _told(serving: Served) -> str:
    """What the command of the notification wrote."""
    told = serving.home / "told.json"
    return told.read_text() if told.exists() else ""
