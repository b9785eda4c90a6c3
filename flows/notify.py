"""Tell somebody that a run failed or crashed: CONTEXTFIRST_NOTIFY is a webhook's URL or a command.

A URL gets the note as JSON by POST; its `text` is what chat services show. A command gets the same JSON on its standard
input, and may hold arguments. What goes wrong here stands in the run's log and changes nothing else.
"""

import json
import re
import shlex
import subprocess
import urllib.request
from contextlib import suppress
from http.client import HTTPException, InvalidURL
from shutil import which
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.utilities.urls import url_for

from flows.settings import NOTIFY, notified
from schemas.failures import ModuleFailed
from schemas.values import UserError
from tasks.telling import tell

_SECONDS = 20.0
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(r"[\w.:-]+")


def notify(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """A hook of a flow: nothing happens where nobody is named. Raises when the note does not arrive."""
    if receiver := notified():
        tell(f"told {send(receiver, _note(flow, flow_run, state))} of it")


def send(receiver: str, note: dict[str, str]) -> str:
    """Who took the note: a host or a program. The rest may be a secret, and what is raised says no more either: Prefect
    logs it. Raises UserError for what is neither a URL nor a command, ModuleFailed where the note is not taken."""
    body = json.dumps(note).encode()
    return _post(receiver, body) if _URL.match(receiver) else _pipe(receiver, body)


def _post(url: str, body: bytes) -> str:
    host = _host(url)
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_SECONDS):
            return host
    except (OSError, HTTPException, ValueError) as error:  # some quote the URL
        why = _why(error)
    raise ModuleFailed(f"{NOTIFY}: {host} did not take the note ({why})")


def _host(url: str) -> str:
    """Raises UserError where the URL names none: what stands in its place may be a secret."""
    with suppress(ValueError):
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname or ""
        if scheme in ("http", "https") and _HOST.fullmatch(host):
            return host
    raise UserError(f"{NOTIFY} is no webhook's URL: write https://HOST/PATH")


def _pipe(written: str, body: bytes) -> str:
    program, *arguments = _words(written)
    try:
        code = subprocess.run([program, *arguments], input=body, check=False, timeout=_SECONDS).returncode
        why = f"it ended with code {code}"
    except (OSError, subprocess.TimeoutExpired) as error:  # some quote the arguments
        code, why = None, _why(error)
    if code == 0:
        return program
    raise ModuleFailed(f"{NOTIFY}: {program} did not take the note ({why})")


def _words(written: str) -> list[str]:
    """A command's words. Raises UserError where the first is no program: it may be a URL without its scheme."""
    try:
        words = shlex.split(written)
    except ValueError:
        raise UserError(f"{NOTIFY} is a command with a quote or a backslash that has no end: close it") from None
    if not words or which(words[0]) is None:
        raise UserError(f"{NOTIFY} begins with no program that can be run: write its path, or a URL with https://")
    return words


def _why(error: Exception) -> str:
    """In words that quote nothing of what was asked."""
    if isinstance(error, HTTPError):
        error.close()
        return f"it answered {error.code}"
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError | subprocess.TimeoutExpired):
        return f"it took more than {_SECONDS:g} s"
    if isinstance(reason, OSError):
        return reason.strerror or type(reason).__name__
    if isinstance(error, InvalidURL | ValueError):
        return "it is no URL: a space is written as %20, and a port is a number"
    return type(error).__name__


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
