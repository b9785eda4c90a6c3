"""Prefect's server with its embedded SQLite, for the time of one command.

Prefect can start such a server by itself, but leaves it behind when the command is killed. This one watches a named
pipe from its starter and leaves at its end-of-file.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from tasks.subprocesses import alive
from training.parent import leave_with

_HOST = "127.0.0.1"
_HEALTHY_SECONDS = 180.0
_LIVES = 3
# What Prefect's own temporary server is started with: no pages, no services but the ones that a run needs.
_SETTINGS = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def start_embedded_server() -> str:
    """Start the server and return the address of its API. It ends when this process does, however that happens.

    It is stopped by `atexit` rather than by a block: Prefect sends its last logs and events on exit, after the flow.
    """
    held = ExitStack()
    folder = held.enter_context(tempfile.TemporaryDirectory())
    pipe = held.enter_context(alive(Path(folder) / "alive"))
    port = _free_port()
    server = _Server(str(pipe), str(port))
    held.callback(server.stop)
    atexit.register(held.close)
    wait_healthy(f"http://{_HOST}:{port}/api/health", server.process)
    threading.Thread(target=server.keep, name="server", daemon=True).start()
    return f"http://{_HOST}:{port}/api"


class _Server:
    """The server's process, begun again when it dies: without one, a run that is done tries for minutes to tell it."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "flows.embedded", *arguments]
        self._changing, self._stopped = threading.Lock(), False
        self.process = self._start()

    def keep(self) -> None:
        for _ in range(_LIVES):
            self.process.wait()
            with self._changing:
                if self._stopped:
                    return
                self.process = self._start()

    def stop(self) -> None:
        with self._changing:
            self._stopped = True
        self.process.terminate()
        self.process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, env=os.environ | _SETTINGS)


def wait_healthy(address: str, process: "subprocess.Popen[bytes]", seconds: float = _HEALTHY_SECONDS) -> None:
    """Wait until a server answers at `address`. Raises RuntimeError when it ends or takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the Prefect server ended with code {process.returncode} before it was ready")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the Prefect server did not answer within {seconds:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    leave_with(sys.argv[1])
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host=_HOST,
        port=int(sys.argv[2]),
        log_level="error",
        lifespan="on",
    )
