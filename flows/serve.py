"""`make serve`: a Prefect server, a process worker with every deployment, and the reports, all on loopback.

Ends with Ctrl-C or SIGTERM, and takes what it started with it.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from flows.embedded import wait_healthy
from storage.store import Store

_ROOT = Path(__file__).resolve().parent.parent
_HOST = "127.0.0.1"
_PATIENCE_SECONDS = 20.0


def main() -> None:
    """Start everything, print where it is, and wait for a signal."""
    port, reports = (int(os.environ.get(name, usual)) for name, usual in _PORTS)
    store = Store(os.environ.get("CONTEXTFIRST_STORE", "store"))
    served = store.root / "report"
    served.mkdir(exist_ok=True)
    environment = _environment(store.root, port, reports)
    signal.signal(signal.SIGTERM, _interrupt)
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_start(environment, "prefect", "server", "start", "--host", _HOST, "--port", str(port)))
        wait_healthy(f"http://{_HOST}:{port}/api/health", started[0])
        _call(environment, "prefect", "work-pool", "create", "contextfirst", "--type", "process", "--overwrite")
        _call(environment, "prefect", "--no-prompt", "deploy", "--all")
        started.append(_start(environment, "prefect", "worker", "start", "--pool", "contextfirst", "--type", "process"))
        started.append(
            _start(
                environment,
                "python",
                "-m",
                "http.server",
                str(reports),
                "--bind",
                _HOST,
                "--directory",
                str(served),
            )
        )
        print(
            f"\nPrefect:  http://{_HOST}:{port}\nreports:  http://{_HOST}:{reports}\nstop with Ctrl-C",
            flush=True,
        )
        _watch(started)
    except KeyboardInterrupt:
        print("stopping", flush=True)
    finally:
        _stop(started)


_PORTS = (("CONTEXTFIRST_PORT", "4200"), ("CONTEXTFIRST_REPORTS_PORT", "4201"))


def _environment(store: Path, port: int, reports: int) -> dict[str, str]:
    api = f"http://{_HOST}:{port}/api"
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(_ROOT),
        "CONTEXTFIRST_ROOT": str(_ROOT),
        "CONTEXTFIRST_STORE": str(store),
        "CONTEXTFIRST_REPORTS_URL": f"http://{_HOST}:{reports}",
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_UI_API_URL": api,  # else the pages ask port 4200, whatever the port is
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def _start(environment: dict[str, str], *command: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=_ROOT, env=environment)


def _call(environment: dict[str, str], *command: str) -> None:
    subprocess.run(command, cwd=_ROOT, env=environment, check=True)


def _watch(started: "list[subprocess.Popen[bytes]]") -> None:
    """Wait until one of the processes ends, which none should."""
    while all(process.poll() is None for process in started):
        time.sleep(1)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _stop(started: "list[subprocess.Popen[bytes]]") -> None:
    for process in reversed(started):
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + _PATIENCE_SECONDS
    for process in started:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"error: {error}; is a port in use? CONTEXTFIRST_PORT and CONTEXTFIRST_REPORTS_PORT name others")
