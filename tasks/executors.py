"""Where the lanes of a long stage run: in processes of this machine, on Dask's workers or on Ray's.

`Runtime.executor` says which. A lane does the same shards everywhere, so the bytes are the same. On a cluster every
worker sees the store under the same path and has this program installed. A lane whose worker dies is begun again by
another, which skips what is marked.
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from schemas.runtime import Runtime
from schemas.values import UserError, Value
from storage.draft import Draft
from storage.remote import url_of
from tasks import marks
from tasks.lanes import Ended, raise_fault, work_off

Submit = Callable[[str, str, int], "Future[Ended]"]
"""Starts a module on a job, given as JSON, with so many threads."""

_LOOK_SECONDS = 0.5
_CONNECT_SECONDS = 30
_LOOPBACK = "127.0.0.1"
_connecting = threading.Lock()
_connected: dict[str, str] = {}
"""Address of each Ray cluster that was named, as Ray itself writes it."""


class Crew(NamedTuple):
    """Who does the lanes. lanes: that run side by side. hosts: addresses of the machines that they run on."""

    lanes: int
    hosts: frozenset[str]
    submit: Submit


@contextmanager
def crew(runtime: Runtime) -> Iterator[Crew]:
    """The workers that the runtime names. Raises UserError where they do not answer or their client is missing."""
    kind, _, address = runtime.executor.partition("://")
    with _KINDS[kind](address, runtime.workers) as found:
        if (bucket := url_of(runtime.store)) and (others := sorted(host for host in found.hosts if not is_here(host))):
            raise UserError(
                f"{runtime.executor} has workers on {', '.join(others[:3])}, and the store {bucket} keeps drafts on "
                "this machine: use a store on a disk that all see, or CONTEXTFIRST_EXECUTOR=processes"
            )
        yield found


def is_here(host: str) -> bool:
    """Whether an address is this machine's, since nobody can listen at another's."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def is_elsewhere(runtime: Runtime) -> bool:
    """Whether lanes run outside this process whatever their size."""
    return runtime.executor != "local"


def is_cluster(runtime: Runtime) -> bool:
    """Whether lanes run on what may be other machines."""
    return "://" in runtime.executor


def run_lanes(module: str, jobs: Sequence[Value], by: Crew, draft: Draft, runtime: Runtime, total: int = 0) -> None:
    """Run `module` on all jobs; where one fails, the others are ended. total: of all shards, 0 if not known.

    Raises what stopped a lane, as `raise_fault` does.
    """
    open_ones = {by.submit(module, job.model_dump_json(), runtime.threads) for job in jobs}
    try:
        while open_ones:
            ended, open_ones = wait(open_ones, _LOOK_SECONDS, FIRST_COMPLETED)
            draft.progress(marks.number(draft.work), total, "shards")
            for future in ended:
                raise_fault(module, future.result())
    finally:
        for future in open_ones:
            future.cancel()


@contextmanager
def _processes(_: str, number: int) -> Iterator[Crew]:
    stopped = False
    with ThreadPoolExecutor(number) as pool:
        try:
            yield Crew(number, frozenset((_LOOPBACK,)), lambda *job: pool.submit(work_off, *job, gone=lambda: stopped))
        finally:
            stopped = True


@contextmanager
def _dask(address: str, _: int) -> Iterator[Crew]:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise _missing("dask", error) from error
    try:
        client = Client(f"tcp://{address}", timeout=_CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise UserError(f"no Dask scheduler answers at {address}: start one, or name another executor") from error
    with client:
        try:
            client.wait_for_workers(1, _CONNECT_SECONDS)
        except TimeoutError as error:
            start = f"`dask worker {address}` starts one"
            raise UserError(f"the Dask scheduler at {address} has no workers: {start}") from error
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        pool = client.get_executor(pure=False)
        hosts = frozenset(one["host"] for one in workers)
        yield Crew(len(workers), hosts, lambda *job: pool.submit(on_dask, *job))


def on_dask(module: str, job: str, threads: int) -> Ended:
    """On one of Dask's workers: a lane ends early when nobody waits for it, because the run was stopped or has died."""
    from distributed import get_worker

    worker = get_worker()
    key, tasks = worker.get_current_task(), worker.state.tasks
    return work_off(module, job, threads, lambda: key not in tasks or tasks[key].state == "cancelled")


@contextmanager
def _ray(address: str, _: int) -> Iterator[Crew]:
    """Ray ends what a run has started when the run dies; it does what was on a node that dies on another."""
    try:
        import ray  # type: ignore[import-not-found]  # of the extra `scale`
    except ModuleNotFoundError as error:
        raise _missing("ray", error) from error
    with _connecting:  # once for the process: stages side by side share the connection
        _connect(ray, address)
    nodes = [
        (node["NodeManagerAddress"], int(node["Resources"].get("CPU", 0))) for node in ray.nodes() if node["Alive"]
    ]
    lanes = sum(cpus for _, cpus in nodes)
    if not lanes:
        raise UserError(
            f"the Ray cluster at {address} has no CPU for a lane: `ray start --num-cpus=N` gives a node some"
        )
    started: list[Any] = []

    def submit(*job: Any) -> "Future[Ended]":
        started.append(ray.remote(work_off).options(max_retries=-1).remote(*job))
        return cast("Future[Ended]", started[-1].future())

    try:
        yield Crew(lanes, frozenset(host for host, cpus in nodes if cpus), submit)
    finally:
        for one in started:
            ray.cancel(one, force=True)


def _connect(ray: Any, address: str) -> None:
    """Raises UserError where nobody answers, and where this process is connected to another cluster."""
    if ray.is_initialized():
        there = ray.get_runtime_context().gcs_address
        if address != "auto" and _connected.get(address, address) != there:
            raise UserError(f"this process is connected to the Ray cluster at {there}: it cannot use {address} too")
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"no Ray cluster answers at {address}: `ray start --head` starts one") from error
    _connected[address] = ray.get_runtime_context().gcs_address


def _missing(kind: str, error: ModuleNotFoundError) -> UserError:
    return UserError(f"the executor {kind} needs the package {error.name}: pip install -e '.[scale]' brings it")


_KINDS = {"local": _processes, "processes": _processes, "dask": _dask, "ray": _ray}
