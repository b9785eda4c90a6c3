"""A small server on loopback that speaks the hub's protocol for writing datasets: create, list, LFS upload, commit.

It keeps one repository in memory. Text files travel inside the commit, Parquet through the LFS store, as on the hub.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Commit(NamedTuple):
    message: str
    changed: frozenset[str]
    deleted: frozenset[str]


class Hub(ThreadingHTTPServer):
    """files: of the repository; None where it does not exist. refuse: a status to answer everything with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] | None = None
        self.private: bool | None = None
        self.commits: list[Commit] = []
        self.stored: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self.requests: list[str] = []
        self.refuse: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, lines: list[dict[str, Any]]) -> None:
        """Apply one commit as it came: a line for its message, then one a file."""
        assert self.files is not None
        deleted = [line["value"]["path"] for line in lines if line["key"] == "deletedFile"]
        changed = {}
        for line in lines:
            if line["key"] == "file":
                changed[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                changed[line["value"]["path"]] = self.stored[line["value"]["oid"]]
        for path in deleted:
            del self.files[path]
        self.files |= changed
        self.commits.append(Commit(lines[0]["value"]["summary"], frozenset(changed), frozenset(deleted)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        self._seen()
        if self.server.refuse:
            self._answer({"error": "refused"}, self.server.refuse)
        elif self.server.files is None:
            self._answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        else:
            files = [{"type": "file", "path": path, "size": 1, "oid": "0" * 40} for path in self.server.files]
            self._answer(files)

    def do_POST(self) -> None:
        self._seen()
        content = self._whole()
        if self.server.refuse:
            return self._answer({"error": "refused"}, self.server.refuse)
        step = next(step for step in _STEPS if step in self.path)
        return self._answer(_STEPS[step](self.server, content))

    def do_PUT(self) -> None:
        self._seen()
        content = self._streamed() if self.headers["Transfer-Encoding"] else self._whole()
        self.server.stored[hashlib.sha256(content).hexdigest()] = content
        self._answer({})

    def _whole(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _streamed(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _seen(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        if token := self.headers["Authorization"]:
            self.server.tokens.add(token)

    def _answer(self, value: object, status: int = 200, headers: dict[str, str] = {}) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


def _create(hub: Hub, content: bytes) -> object:
    asked = json.loads(content)
    if hub.files is None:
        hub.files, hub.private = {".gitattributes": b""}, asked["visibility"] == "private"
    return {"url": f"{hub.address}/datasets/{asked['organization']}/{asked['name']}"}


def _modes(hub: Hub, content: bytes) -> object:
    files = json.loads(content)["files"]
    modes = {True: "lfs", False: "regular"}
    return {
        "files": [
            {"path": file["path"], "uploadMode": modes[file["path"].endswith(".parquet")], "shouldIgnore": False}
            for file in files
        ]
    }


def _places(hub: Hub, content: bytes) -> object:
    objects = json.loads(content)["objects"]
    return {"objects": [item | {"actions": {"upload": {"href": f"{hub.address}/put"}}} for item in objects]}


def _commit(hub: Hub, content: bytes) -> object:
    hub.commit([json.loads(line) for line in content.splitlines()])
    return {"commitUrl": f"{hub.address}/datasets/o/n/commit/{'1' * 40}", "commitOid": "1" * 40}


def _valid(hub: Hub, content: bytes) -> object:
    assert json.loads(content)["content"].startswith("---")
    return {}


_STEPS = {
    "/api/repos/create": _create,
    "/api/validate-yaml": _valid,
    "/preupload/main": _modes,
    "/info/lfs/objects/batch": _places,
    "/commit/main": _commit,
}


@contextmanager
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
