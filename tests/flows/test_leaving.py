"""Processes that end with the one that started them, and those that do not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.leaving import WORKER, identity
from tests.flows.serving import within
from tests.flows.small import ROOT

_STARTER = (
    "import os, time\n"
    "from flows import child\n"
    "print(child.start(os.environ, 'sleep', '600').pid, flush=True)\n"
    "time.sleep(600)\n"
)
_FLOW = (
    "import time\n"
    "from flows.leaving import end_with_worker\n"
    "end_with_worker()\n"
    "print('watching', flush=True)\n"
    "time.sleep(600)\n"
)
_STOPPED = (
    "import threading, time\n"
    "from flows import leaving\n"
    "leaving._TERMINAL_GRACE_SECONDS = 0.5\n"
    "threading.Thread(target=time.sleep, args=(600,)).start()\n"
    "with leaving.ending_soon():\n"
    "    raise KeyboardInterrupt\n"
)


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that stands for a worker."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_program_is_killed_with_its_starter() -> None:
    starter = _python(_STARTER)
    assert starter.stdout
    child = int(starter.stdout.readline())
    within(20, lambda: "sleep" in Path(f"/proc/{child}/cmdline").read_text())  # it has become the program
    _end(starter, signal.SIGKILL)
    within(20, lambda: not Path(f"/proc/{child}").exists())


def test_flow_ends_with_its_worker(worker: "subprocess.Popen[bytes]") -> None:
    flow = _flow(identity(worker.pid))
    assert flow.stdout and flow.stdout.readline() == "watching\n"
    worker.kill()
    assert flow.wait(20) == -signal.SIGTERM
    flow.stdout.close()


def test_flow_whose_worker_was_gone_before_it_watched_ends(worker: "subprocess.Popen[bytes]") -> None:
    """Also when another process has its number: the start time differs."""
    flow = _flow(f"{worker.pid} 1")
    assert flow.stdout and flow.wait(20) == -signal.SIGTERM
    flow.stdout.close()


def test_run_in_a_terminal_watches_nobody(worker: "subprocess.Popen[bytes]") -> None:
    run = _python(_FLOW, **{WORKER: identity(worker.pid)})
    assert run.stdout and run.stdout.readline() == "watching\n"
    worker.kill()
    worker.wait()
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(1)
    _end(run, signal.SIGKILL)


def test_run_that_is_told_to_stop_ends_though_a_task_hears_of_nothing() -> None:
    run = _python(_STOPPED)
    assert run.wait(20) == 128 + signal.SIGINT
    run.communicate()


def _flow(worker: str) -> "subprocess.Popen[str]":
    return _python(_FLOW, PREFECT__FLOW_RUN_ID="stands for one", **{WORKER: worker})


def _python(code: str, **variables: str) -> "subprocess.Popen[str]":
    environment = os.environ | variables
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def _end(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    process.send_signal(number)
    process.communicate()
