"""Gemini's Files API: resumable uploads in chunks, files that are processed before they can be used, and expire."""

import base64
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from tests.llm.vendors.counters import Counters
from tests.llm.vendors.faults import Behaviour, Faulted
from tests.llm.vendors.protocol import Answer, Received
from tests.llm.vendors.question import Medium, parsed

_NAME = re.compile(r"files/[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass
class Stored:
    """polls: times that it will still be seen in processing. created: monotonic seconds."""

    name: str
    shown: str
    mime: str
    content: bytes
    digest: str
    polls: int
    created: float
    state: str = "PROCESSING"


@dataclass
class Upload:
    """One that is under way. length: bytes promised."""

    name: str
    shown: str
    mime: str
    length: int
    content: bytearray


class Files:
    """unreadable: digests of content whose processing will fail."""

    def __init__(self) -> None:
        self._stored: dict[str, Stored] = {}
        self._uploads: dict[str, Upload] = {}
        self._number = 0
        self.unreadable: set[str] = set()

    def __len__(self) -> int:
        return len(self._stored)

    def expire(self) -> None:
        """All that is stored now is gone."""
        self._stored.clear()

    def begin(self, received: Received, behaviour: Behaviour, address: str) -> Answer:
        """The first request of an upload: answered by the address for its chunks."""
        told = parsed(received.body).get("file", {})
        name = told.get("name") or self._new_name()
        length = int(received.headers.get("x-goog-upload-header-content-length", 0))
        mime = received.headers.get("x-goog-upload-header-content-type", told.get("mimeType", ""))
        if received.headers.get("x-goog-upload-protocol") != "resumable" or not length or not mime:
            raise Faulted("bad_request", "an upload needs the resumable protocol, a length and a type")
        self._check(name, length, behaviour)
        key = f"upload-{self._count()}"
        self._uploads[key] = Upload(name, told.get("displayName", ""), mime, length, bytearray())
        url = f"{address}{received.path}?upload_id={key}&upload_protocol=resumable"
        return Answer(200, b"", {"X-Goog-Upload-URL": url, "X-Goog-Upload-Status": "active"})

    def chunk(self, received: Received, behaviour: Behaviour, counters: Counters) -> Answer:
        """Bytes at their offset; the last ones with the command `finalize`."""
        key = received.query["upload_id"]
        upload = self._uploads.get(key)
        if upload is None or int(received.headers["x-goog-upload-offset"]) != len(upload.content):
            raise Faulted("bad_request", "no such upload, or not at this offset")
        upload.content += received.body
        if "finalize" not in received.headers["x-goog-upload-command"]:
            return Answer(200, b"", {"X-Goog-Upload-Status": "active"})
        del self._uploads[key]
        if len(upload.content) != upload.length:
            raise Faulted("bad_request", f"{len(upload.content)} bytes came of {upload.length}")
        stored = self.add(bytes(upload.content), upload.mime, behaviour.polls, upload.name, upload.shown)
        counters.uploads[stored.digest] += 1
        body = json.dumps({"file": _shown(stored, behaviour)}).encode()
        return Answer(200, body, {"X-Goog-Upload-Status": "final"})

    def add(self, content: bytes, mime: str, polls: int = 0, name: str = "", shown: str = "") -> Stored:
        digest = sha256(content).hexdigest()
        stored = Stored(name or self._new_name(), shown, mime, content, digest, polls, time.monotonic())
        self._settle(stored)
        self._stored[stored.name] = stored
        return stored

    def answer(self, method: str, name: str, behaviour: Behaviour) -> Answer:
        """GET and DELETE of one file."""
        stored = self.stored(name, behaviour)
        if method == "DELETE":
            del self._stored[name]
            return Answer(200, b"{}")
        body = json.dumps(_shown(stored, behaviour)).encode()
        stored.polls -= 1
        self._settle(stored)
        return Answer(200, body)

    def listed(self, behaviour: Behaviour) -> Answer:
        files = [_shown(stored, behaviour) for stored in self._stored.values() if not _is_over(stored, behaviour)]
        return Answer(200, json.dumps({"files": files}).encode())

    def medium(self, name: str, behaviour: Behaviour) -> Medium:
        """What a question may refer to. Raises Faulted for a file that is gone or not active."""
        stored = self.stored(name, behaviour)
        if stored.state != "ACTIVE":
            raise Faulted("inactive", name)
        return Medium(stored.mime, stored.digest, len(stored.content), file=name)

    def stored(self, name: str, behaviour: Behaviour) -> Stored:
        stored = self._stored.get(name)
        if stored is None or _is_over(stored, behaviour):
            raise Faulted("gone", name)
        return stored

    def _check(self, name: str, length: int, behaviour: Behaviour) -> None:
        if not _NAME.fullmatch(name):
            raise Faulted("bad_request", f"{name} is no name of a file")
        if name in self._stored and not _is_over(self._stored[name], behaviour):
            raise Faulted("exists", name)
        if length + sum(len(stored.content) for stored in self._stored.values()) > behaviour.storage:
            raise Faulted("storage")

    def _settle(self, stored: Stored) -> None:
        if stored.polls <= 0:
            stored.state = "FAILED" if stored.digest in self.unreadable else "ACTIVE"

    def _new_name(self) -> str:
        return f"files/made-{self._count()}"

    def _count(self) -> int:
        self._number += 1
        return self._number


def _is_over(stored: Stored, behaviour: Behaviour) -> bool:
    return time.monotonic() >= stored.created + behaviour.lifetime


def _shown(stored: Stored, behaviour: Behaviour) -> dict[str, Any]:
    left = behaviour.lifetime - (time.monotonic() - stored.created)
    error = {"error": {"code": 3, "message": "the file could not be processed"}} if stored.state == "FAILED" else {}
    return error | {
        "name": stored.name,
        "displayName": stored.shown,
        "mimeType": stored.mime,
        "sizeBytes": str(len(stored.content)),
        "expirationTime": datetime.fromtimestamp(time.time() + left, UTC).isoformat().replace("+00:00", "Z"),
        "sha256Hash": base64.b64encode(stored.digest.encode()).decode(),
        "uri": f"https://generativelanguage.googleapis.com/v1beta/{stored.name}",
        "state": stored.state,
        "source": "UPLOADED",
    }
