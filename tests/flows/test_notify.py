"""Who is told of a run that failed."""

import json
import subprocess
import sys
import threading
import traceback
import urllib.error
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.notify import send
from schemas.failures import ModuleFailed
from tests.flows.small import ROOT, environment

NOTE = {"text": "demo-curate failed", "state": "Failed"}


class Hook(HTTPServer):
    """A chat service that keeps what it is told; `refuses` as one whose webhook was removed does."""

    def __init__(self, refuses: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.heard: list[dict[str, str]] = []
        self.refuses = refuses

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?token=secret"


class Asked(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(410 if self.server.refuses else 204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def hook(request: pytest.FixtureRequest) -> Iterator[Hook]:
    with Hook(refuses=getattr(request, "param", False)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_webhook_gets_the_note(hook: Hook) -> None:
    send(hook.address, NOTE)
    assert hook.heard == [NOTE]


@pytest.mark.parametrize("hook", [True], indirect=True)
def test_webhook_that_refuses_is_an_error(hook: Hook) -> None:
    with pytest.raises(urllib.error.HTTPError):
        send(hook.address, NOTE)


def test_command_reads_the_note_from_its_standard_input(tmp_path: Path) -> None:
    heard = tmp_path / "with a space.json"
    send(f"tee '{heard}'", NOTE)
    assert json.loads(heard.read_text()) == NOTE


@pytest.mark.parametrize(("program", "why"), [("false", "code 1"), ("no-such-program", "No such file")])
def test_command_that_fails_is_an_error_that_keeps_its_arguments_to_itself(program: str, why: str) -> None:
    secret = uuid.uuid4().hex
    receiver = f"{program} https://hooks.example/{secret}"
    with pytest.raises(ModuleFailed, match=f"{program} did not take the note .*{why}") as caught:
        send(receiver, NOTE)
    assert secret not in "".join(traceback.format_exception(caught.value))


@pytest.mark.slow
def test_failed_run_is_told_of_once_with_its_name_and_reason(hook: Hook, tmp_path: Path) -> None:
    """The flow itself is called, since the command line would refuse this recipe before there is a run."""
    code = (
        "from prefect.settings import PREFECT_API_URL, temporary_settings\n"
        "from flows.embedded import start_embedded_server\n"
        "from flows.pipeline import Overrides, RecipeName, curate\n"
        "with temporary_settings({PREFECT_API_URL: start_embedded_server()}):\n"
        "    curate(RecipeName('demo'), Overrides(set=['sources.emer.folder=/nowhere']))\n"
    )
    variables = environment(tmp_path / "home") | {"CONTEXTFIRST_STORE": str(tmp_path / "store")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=variables | {"CONTEXTFIRST_NOTIFY": hook.address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (note,) = hook.heard
    assert note["text"].startswith("demo-curate-") and "/nowhere" in note["message"]
    assert (note["flow"], note["state"]) == ("curate", "Failed")
    assert "secret" not in done.stdout + done.stderr
