"""The Prefect server of a run: begun again when it dies, gone when the run is."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from flows.embedded import wait_healthy
from schemas.failures import ModuleFailed
from tests.flows.small import ROOT

RUN = "from flows.embedded import start_embedded_server; print(start_embedded_server(), flush=True); input()"
SECONDS = 120.0


@pytest.mark.slow
def test_server_that_is_killed_is_begun_again_and_leaves_with_its_run() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=ROOT, env=os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout
    address = f"{run.stdout.readline().strip()}/health"
    (server,) = psutil.Process(run.pid).children()
    server.kill()
    _until(lambda: not server.is_running())
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", urlsplit(address).port))
    _until(lambda: _answers(address))
    (again,) = psutil.Process(run.pid).children()
    assert again.pid != server.pid
    run.kill()
    run.communicate()
    _until(lambda: not again.is_running())


def test_server_that_does_not_come_up_is_told_in_one_line() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as server,
        pytest.raises(ModuleFailed, match=r"^the Prefect server ended with code 3 before it was ready[^\n]*$"),
    ):
        wait_healthy("http://127.0.0.1:9/api/health", server)


def test_answer_of_another_program_is_not_taken_for_the_servers() -> None:
    """As when two are begun at once: one gets the port, and the other must not take its answers for its own."""
    with _other_server() as port, subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"]) as server:
        with pytest.raises(ModuleFailed, match="ended with code 0 before it was ready"):
            wait_healthy(f"http://127.0.0.1:{port}/", server)
        server.kill()


def test_answer_of_the_server_itself_is_enough(tmp_path: Path) -> None:
    with _other_server() as taken:
        pass
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(taken)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_healthy(f"http://127.0.0.1:{taken}/", server, seconds=60)
            assert server.poll() is None and _answers(f"http://127.0.0.1:{taken}/")
        finally:
            server.kill()


@contextmanager
def _other_server() -> Iterator[int]:
    """The port of a server that answers everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.mark.slow
def test_soak_of_two_rounds_ends_without_a_fault() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--rounds", "2", "--seed", "3"]
    soak = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert soak.returncode == 0, soak.stdout + soak.stderr[-2000:]
    assert "| all | 0 | 0 | 0 | 0 | 0 |" in soak.stdout


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)
