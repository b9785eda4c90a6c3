"""Tell somebody that a run failed or crashed: CONTEXTFIRST_NOTIFY is a webhook's URL or a command.

A URL gets the note as JSON by POST; its `text` is what chat services show. A command gets the same JSON on its standard
input, and may hold arguments. What goes wrong here stands in the run's log and changes nothing else.
"""

import json
import shlex
import subprocess
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.utilities.urls import url_for

from flows.settings import notified
from schemas.failures import ModuleFailed
from tasks.telling import tell

_SECONDS = 20.0


def notify(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """A hook of a flow: nothing happens where nobody is named. Raises when the note does not arrive."""
    if receiver := notified():
        send(receiver, _note(flow, flow_run, state))
        tell(f"told {urlsplit(receiver).hostname or shlex.split(receiver)[0]} of it")  # the rest may be a secret


def send(receiver: str, note: dict[str, str]) -> None:
    """Raises URLError or ModuleFailed when the receiver does not take the note; neither says more than who that is."""
    body = json.dumps(note).encode()
    if receiver.startswith(("http://", "https://")):
        request = urllib.request.Request(receiver, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_SECONDS):
            return
    _pipe(shlex.split(receiver), body)


def _pipe(command: list[str], body: bytes) -> None:
    try:
        code = subprocess.run(command, input=body, check=False, timeout=_SECONDS).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        # Its own text holds the arguments, and Prefect logs what a hook raises, with all that came before it.
        raise ModuleFailed(f"CONTEXTFIRST_NOTIFY: {command[0]} did not take the note ({_why(error)})") from None
    if code:
        raise ModuleFailed(f"CONTEXTFIRST_NOTIFY: {command[0]} did not take the note (it ended with code {code})")


def _why(error: OSError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"it took more than {_SECONDS:g} s"


def _note(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> dict[str, str]:
    address, name, message = url_for(flow_run) or "", state.name or state.type.value, state.message or ""
    return {
        "text": f"{flow_run.name} {name.lower()}: {message} {address}".strip(),
        "flow": flow.name,
        "run": flow_run.name,
        "id": str(flow_run.id),
        "state": name,
        "message": message,
        "url": address,
    }
