"""`make serve`: a Prefect server, a process worker with every deployment, and the reports.

On loopback unless told otherwise (`flows.binding`), on SQLite unless PREFECT_SERVER_DATABASE_CONNECTION_URL names
PostgreSQL. Ends with Ctrl-C or SIGTERM: the worker first, while the server still hears how its runs end. It ends too
when one of the three does, so that whoever watches it can start all of it again; when it is killed, the kernel kills
what it started (`flows.child`), and a run leaves with its worker (`flows.leaving`).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from flows import child
from flows.binding import Binding, check_free, read_binding
from flows.embedded import wait_healthy
from flows.settings import REPORTS_URL, STORE
from schemas.canonical import sha256_text
from schemas.values import UserError
from storage.store import Store

_ROOT = Path(__file__).resolve().parent.parent
_POOL = "contextfirst"
_RUNS_SECONDS = 20.0  # longer than the grace that a run takes (flows.leaving)
_PATIENCE_SECONDS = 5.0

Process = subprocess.Popen[bytes]


def main() -> None:
    """Start everything, print where it is, and wait for a signal. Raises UserError, RuntimeError."""
    binding = read_binding()
    check_free(binding)
    store = Store(os.environ.get(STORE, "store"))
    reports, worker = store.root / "report", _worker_name(store.name)
    reports.mkdir(exist_ok=True)
    environment = _environment(binding, store.name)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    started: list[Process] = []
    try:
        started.append(child.start(environment, "python", "-m", "flows.reports", str(reports)))
        started.append(_server(environment, binding))
        wait_healthy(f"{binding.api}/health", started[-1])
        _prepare(environment, worker, started)
        words = ("prefect", "worker", "start", "--pool", _POOL, "--type", "process", "--name", worker)
        started.append(child.start(environment, *words))
        _greet(binding)
        _watch(started)
    except KeyboardInterrupt:
        print("stopping", flush=True)
    finally:
        _stop(started)


def _environment(binding: Binding, store: str) -> dict[str, str]:
    return {
        REPORTS_URL: binding.page(binding.reports_port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(_ROOT),
        "CONTEXTFIRST_ROOT": str(_ROOT),
        STORE: store,
        **binding.settings(os.environ),
    }


def _server(environment: dict[str, str], binding: Binding) -> Process:
    words = ("prefect", "server", "start", "--host", binding.host, "--port", str(binding.port))
    return child.start(environment, *words)


def _worker_name(store: str) -> str:
    """The same at every start, so that a worker knows what it left behind. Prefect forbids it a path."""
    return f"{socket.gethostname()}-{sha256_text(store)[:8]}"


def _prepare(environment: dict[str, str], worker: str, started: list[Process]) -> None:
    """Make what a fresh server lacks; on one that has it, bring it up to date.

    Never without our own server: where it has ended, who answers at its port is somebody else's, with runs of theirs.
    """
    for command in (
        ("prefect", "work-pool", "create", _POOL, "--type", "process", "--overwrite"),
        ("python", "-m", "flows.deploy"),
        ("python", "-m", "flows.dead_runs", worker),
    ):
        _check_alive(started)
        _call(environment, *command)
    _check_alive(started)


def _call(environment: dict[str, str], *command: str) -> None:
    with child.start(environment, *command) as process:
        if process.wait():
            raise RuntimeError(f"`{' '.join(command)}` ended with code {process.returncode}")


def _greet(binding: Binding) -> None:
    if not binding.is_local:
        print(f"\nwarning: {binding.host} is open to other machines, without TLS: put a proxy with TLS before it")
    pages, reports = binding.page(binding.port), binding.page(binding.reports_port)
    print(f"\nPrefect:  {pages}\nreports:  {reports}\nstop with Ctrl-C", flush=True)


def _watch(started: list[Process]) -> NoReturn:
    """Wait until one of the processes ends, which none should. Raises RuntimeError."""
    while True:
        _check_alive(started)
        time.sleep(0.5)


def _check_alive(started: list[Process]) -> None:
    for process in started:
        if process.poll() is not None:
            words = " ".join(map(str, process.args[4:]))  # type: ignore[index]
            raise RuntimeError(f"`{words}` ended with code {process.returncode}; stopped the rest")


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _stop(started: list[Process]) -> None:
    """End them one by one, the latest first, each after its own children: a worker would wait for its runs to finish.

    Prefect's worker does not always leave when it is told to, so after a while it is not asked.
    """
    for process in reversed(started):
        process.terminate()
        for child_id in _children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(child_id, signal.SIGTERM)
        _wait(_RUNS_SECONDS, lambda pid=process.pid: not _children(pid))
        if not _wait(_PATIENCE_SECONDS, lambda process=process: process.poll() is not None):
            process.kill()
        process.wait()


def _children(pid: int) -> list[int]:
    lines = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(word) for line in lines for word in line.split()]


def _wait(seconds: float, done: Callable[[], bool]) -> bool:
    """Whether it was done in time."""
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.1)
    return done()


if __name__ == "__main__":
    try:
        main()
    except (UserError, RuntimeError) as error:
        sys.exit(f"error: {error}")
