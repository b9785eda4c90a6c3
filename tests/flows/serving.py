"""`make serve` as a process of its own on free ports, and what people do to it: start runs, cancel them, kill it."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.flows.small import ROOT, SMALL

T = TypeVar("T")
_START_SECONDS = 300.0


class Served:
    """A server with its worker and reports on one store. `settings` are environment variables."""

    def __init__(self, store: Path, home: Path, **settings: str) -> None:
        self.store, self.home = store, home
        self.port, self.reports_port = _free_ports()
        self.log = home / "serve.log"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "CONTEXTFIRST_STORE": str(self.store),
            "CONTEXTFIRST_PORT": str(self.port),
            "CONTEXTFIRST_REPORTS_PORT": str(self.reports_port),
            "PYTHONPATH": str(ROOT),
            **self._settings,
        }

    def start(self) -> None:
        """Until runs can be asked for."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            words = [sys.executable, "-m", "flows.serve"]
            self._process = subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        within(_START_SECONDS, self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process and self._process.poll() is None, self.log.read_text()[-3000:]
        return "stop with Ctrl-C" in self.log.read_text()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def wait(self, seconds: float) -> int:
        """The exit code."""
        assert self._process
        return self._process.wait(seconds)

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(90)

    def call(self, path: str, body: object = None, auth: str = "") -> Any:
        """What the REST interface answers, which pages and commands use too. auth: `NAME:PASSWORD`."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if auth:
            headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api{path}", content, headers)
        text = within(60, lambda: _answer(request)).pop()
        return json.loads(text) if text else None

    def refused(self, module: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """What a part of it says that is not to come up."""
        command = [sys.executable, "-m", module, *words]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    def run(self, deployment: str, *changes: str, small: bool = True) -> str:
        """Ask for a run of the demo, small unless told otherwise, as the form does; returns its id."""
        found = self.call(f"/deployments/name/{deployment}")
        overrides = {"set": [*(SMALL if small else ()), *changes]}
        body = {"parameters": {"recipe": "demo", "overrides": overrides}}
        return self.call(f"/deployments/{found['id']}/create_flow_run", body)["id"]

    def state(self, run: str) -> str:
        return self.call(f"/flow_runs/{run}")["state"]["name"]

    def cancel(self, run: str) -> None:
        """As the button in the pages does."""
        answer = self.call(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        assert answer["status"] == "ACCEPT"

    def prefect(self, *words: str) -> str:
        """What the command prints."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "prefect"), *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def processes(self) -> dict[int, str]:
        """Command lines of all living processes that work for the store, by id: each inherits our environment."""
        sign = f"CONTEXTFIRST_STORE={self.store}".encode()
        return dict(_processes_with(sign))

    def of_runs(self) -> dict[int, str]:
        """Those that belong to runs: all but ours, the server, the worker and the reports."""
        lasting = ("flows.serve", "flows.reports", "server start", "worker start")
        return {pid: line for pid, line in self.processes().items() if not any(part in line for part in lasting)}

    def kill(self, part: str) -> None:
        """Kill, without warning, every process whose command line holds `part`."""
        found = [pid for pid, line in self.processes().items() if part in line]
        assert found, f"no process is called {part}: {self.processes()}"
        for pid in found:
            os.kill(pid, signal.SIGKILL)


@contextmanager
def served(store: Path, home: Path, **settings: str) -> Iterator[Served]:
    """A started server, which is stopped however the block ends, with all that it left."""
    serving = Served(store, home, **settings)
    try:
        serving.start()
        yield serving
    finally:
        serving.stop()
        for pid in serving.processes():
            os.kill(pid, signal.SIGKILL)


def _answer(request: urllib.request.Request) -> list[bytes]:
    """The answer, or none while SQLite is busy: Prefect's own clients ask again then too."""
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [answer.read()]
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        error.close()
        return []


def within(seconds: float, found: Callable[[], T]) -> T:
    """What `found` returns once it is true. Fails when it is not in time."""
    until = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < until, f"not within {seconds:.0f} s"
        time.sleep(0.2)
    return answer


def _processes_with(sign: bytes) -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if sign in (path / "environ").read_bytes().split(b"\0"):
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if line:  # a dead process that nobody has waited for has none
                    yield int(path.name), line
        except OSError:
            continue  # it ended while we looked


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
