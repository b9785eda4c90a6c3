"""Who is told of a run that failed."""

import json
import socket
import subprocess
import sys
import threading
import traceback
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.notify import send
from schemas.failures import ModuleFailed
from schemas.values import UserError
from tests.flows.small import ROOT, environment
from tests.stages import one_line

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
    with pytest.raises(ModuleFailed, match=r"127\.0\.0\.1 did not take the note .*410"):
        send(hook.address, NOTE)


def test_scheme_in_capitals_is_a_webhook_too(hook: Hook) -> None:
    assert send(hook.address.replace("http:", "HTTP:"), NOTE) == "127.0.0.1"
    assert hook.heard == [NOTE]


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ("http://127.0.0.1:9/{} and more", "127.0.0.1 did not take the note .*%20"),
        ("http://127.0.0.1:9/{}", "127.0.0.1 did not take the note .*Connection refused"),
        ("http://ops:{}@127.0.0.1/", "127.0.0.1 did not take the note"),
        ("http://[127.0.0.1/{}", "is no webhook's URL"),
        ("https://{} 127.0.0.1/", "is no webhook's URL"),
        ("https:///{}", "is no webhook's URL"),
        ("htps://127.0.0.1/{}", "is no webhook's URL"),
        ("127.0.0.1/hooks/{}", "begins with no program"),
        ("TOKEN={} cat", "begins with no program"),
        ("sh -c '{}", "has no end"),
        ("''", "begins with no program"),
    ],
)
def test_receiver_that_cannot_be_told_is_one_line_without_its_secret(receiver: str, said: str) -> None:
    secret = uuid.uuid4().hex
    with pytest.raises((ModuleFailed, UserError), match=f"CONTEXTFIRST_NOTIFY.*{said}") as caught:
        send(receiver.format(secret), NOTE)
    one_line(caught.value)
    assert secret not in "".join(traceback.format_exception(caught.value))


def test_answer_that_quotes_the_webhook_is_not_repeated() -> None:
    """A redirection that is not allowed is refused by the standard library with the whole address."""
    secret = uuid.uuid4().hex
    with socket.create_server(("127.0.0.1", 0)) as place:
        answer = f"HTTP/1.1 302 {secret}\r\nLocation: gopher://there/{secret}\r\nContent-Length: 0\r\n\r\n".encode()
        thread = threading.Thread(target=_answer_once, args=(place, answer))
        thread.start()
        with pytest.raises(ModuleFailed, match="it answered 302") as caught:
            send(f"http://127.0.0.1:{place.getsockname()[1]}/hook", NOTE)
        thread.join()
    assert secret not in "".join(traceback.format_exception(caught.value))


def _answer_once(place: socket.socket, answer: bytes) -> None:
    connection, _ = place.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_command_reads_the_note_from_its_standard_input(tmp_path: Path) -> None:
    heard = tmp_path / "with a space.json"
    send(f"tee '{heard}'", NOTE)
    assert json.loads(heard.read_text()) == NOTE


def test_command_that_fails_is_an_error_that_keeps_its_arguments_to_itself() -> None:
    secret = uuid.uuid4().hex
    with pytest.raises(ModuleFailed, match=r"false did not take the note .*code 1") as caught:
        send(f"false https://hooks.example/{secret}", NOTE)
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
