"""Prefect's server with its embedded SQLite, for the time of one command.

Prefect can start such a server by itself, but leaves it behind when the command is killed. This one watches a named
pipe from its starter and leaves at its end-of-file. The socket that it listens at is its starter's, so that no other
process can take the port, neither before it is up nor while it is begun again.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from schemas.failures import ModuleFailed
from tasks.subprocesses import alive
from training.parent import leave_with

_HOST = "127.0.0.1"
_HEALTHY_SECONDS = 180.0
_LIVES = 3
_LISTEN = "0A"
# What Prefect's own temporary server is started with: no pages, no services but the ones that a run needs.
_SETTINGS = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def start_embedded_server(meanwhile: Callable[[], object] = lambda: None) -> str:
    """Start the server and return the address of its API. It ends when this process does, however that happens.

    It is stopped by `atexit` rather than by a block: Prefect sends its last logs and events on exit, after the flow.
    meanwhile: called while the server comes up, which takes it seconds. Raises ModuleFailed where it does not.
    """
    held = ExitStack()
    folder = held.enter_context(tempfile.TemporaryDirectory())
    pipe = held.enter_context(alive(Path(folder) / "alive"))
    place = held.enter_context(socket.socket())
    place.bind((_HOST, 0))
    server = _Server(pipe, place)
    held.callback(server.stop)
    atexit.register(held.close)
    address = f"http://{_HOST}:{place.getsockname()[1]}/api"
    meanwhile()
    wait_healthy(f"{address}/health", server.process)
    threading.Thread(target=server.keep, name="server", daemon=True).start()
    return address


class _Server:
    """The server's process, begun again when it dies: without one, a run that is done tries for minutes to tell it."""

    def __init__(self, pipe: Path, place: socket.socket) -> None:
        self._place = place
        self._command = [sys.executable, "-m", "flows.embedded", str(pipe), str(place.fileno())]
        self._changing, self._stopped = threading.Lock(), False
        self.process = self._start()

    def keep(self) -> None:
        for _ in range(_LIVES):
            self.process.wait()
            with self._changing:
                if self._stopped:
                    return
                self.process = self._start()
        self.process.wait()
        self._place.close()  # who asks now is told at once that there is nobody

    def stop(self) -> None:
        with self._changing:
            self._stopped = True
        self.process.terminate()
        self.process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, env=os.environ | _SETTINGS, pass_fds=(self._place.fileno(),))


def wait_healthy(address: str, process: "subprocess.Popen[bytes]", seconds: float = _HEALTHY_SECONDS) -> None:
    """Wait until `process` answers at `address`. Raises ModuleFailed when it ends or takes too long.

    What another program answers there counts for nothing: with the port taken, ours ends.
    """
    port = urlsplit(address).port or 80
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ModuleFailed(
                f"the Prefect server ended with code {process.returncode} before it was ready: `prefect server start` "
                "shows why"
            )
        try:
            with urllib.request.urlopen(address, timeout=2):
                if _listens(process.pid, port) and process.poll() is None:
                    return
        except (OSError, HTTPException):
            pass  # it is not up yet
        time.sleep(0.1)
    raise ModuleFailed(f"the Prefect server did not answer within {seconds:.0f} s")


def _listens(pid: int, port: int) -> bool:
    """Whether the process is who listens at `port`; taken for granted where the kernel does not tell who does."""
    listening = {f"socket:[{inode}]" for inode in _listening(port)}
    try:
        return not listening or any(_link(place) in listening for place in Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return True


def _listening(port: int) -> Iterator[str]:
    """The sockets of this machine that listen at `port`, whosever they are."""
    for table in Path("/proc/net").glob("tcp*"):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTEN and int(local.rpartition(":")[2], 16) == port:
                yield inode


def _link(place: Path) -> str:
    try:
        return str(place.readlink())
    except FileNotFoundError:  # it was closed while we looked
        return ""


def _serve(place: socket.socket) -> None:
    settings = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
    with suppress(KeyboardInterrupt):  # raised again when the server has ended in peace
        uvicorn.Server(settings).run(sockets=[place])


if __name__ == "__main__":
    leave_with(sys.argv[1])
    _serve(socket.socket(fileno=int(sys.argv[2])))
