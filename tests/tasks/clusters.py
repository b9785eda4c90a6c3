"""Real clusters on loopback, for one test each: a Dask scheduler with two workers, and a Ray node."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from distributed import Client

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 90.0

Process = subprocess.Popen[bytes]


class Dask(NamedTuple):
    """executor: as the runtime names it. workers: their processes."""

    executor: str
    workers: list[Process]


@contextmanager
def dask(folder: Path, workers: int = 2) -> Iterator[Dask]:
    """A scheduler and so many workers, each a process of its own that nobody starts again."""
    with ExitStack() as held:
        told = folder / "scheduler.json"
        where = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        _started(held, folder, "scheduler", *where, "--scheduler-file", str(told))
        until(told.exists)
        address = json.loads(told.read_text())["address"]
        own = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
        crew = [_started(held, folder, "worker", address, *own) for _ in range(workers)]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, _SECONDS)
        yield Dask(f"dask://{address.removeprefix('tcp://')}", crew)


@contextmanager
def ray(cpus: int = 2) -> Iterator[str]:
    """A node with so many CPUs; the executor that means it."""
    import ray as ray_itself
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cpus, "include_dashboard": False})
    try:
        yield f"ray://{cluster.address}"
    finally:
        ray_itself.shutdown()
        cluster.shutdown()


def _started(held: ExitStack, folder: Path, what: str, *arguments: str) -> Process:
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
    log = held.enter_context((folder / "dask.log").open("ab"))
    process = subprocess.Popen(command, cwd=_ROOT, env=_environment(), stdout=log, stderr=log)
    held.callback(process.wait)
    held.callback(process.kill)
    return process


def _environment() -> Mapping[str, str]:
    return os.environ | {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "warning"}


def until(there: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    end = time.monotonic() + _SECONDS
    while not there():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
