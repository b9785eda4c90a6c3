"""A small hub on loopback: datasets with commits, the tree of one, and files, large ones from another address."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

FIRST, SECOND = "1" * 40, "2" * 40
_LARGE = 1000
_PAGE = 2


class Asked(NamedTuple):
    """One request as it arrived."""

    path: str
    range: str | None
    authorization: str | None


class Answer(NamedTuple):
    """cut: close the connection after so many bytes of the body."""

    status: int
    body: bytes
    headers: dict[str, str] = {}
    cut: int | None = None


Fault = Callable[[Asked, Answer], Answer]


def _none(asked: Asked, answer: Answer) -> Answer:
    return answer


def error(status: int, code: str = "") -> Fault:
    """Every file is answered with an error, as the hub says why."""
    return lambda asked, answer: Answer(status, b"{}", {"X-Error-Code": code}) if "/resolve/" in asked.path else answer


class HubServer(ThreadingHTTPServer):
    """datasets: by `owner/name`, by commit, content by path. The newest commit is `main`; `tags` name commits."""

    daemon_threads = True

    def __init__(self, datasets: Mapping[str, Mapping[str, Mapping[str, bytes]]], tags: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.datasets = datasets
        self.tags = tags
        self.fault: Fault = _none
        self.asked: list[Asked] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def elsewhere(self) -> str:
        """Where large files lie: another origin, which must not be told who asks."""
        return f"http://localhost:{self.server_address[1]}"

    def asked_for(self, part: str) -> list[Asked]:
        return [asked for asked in self.asked if part in asked.path]

    def answer(self, asked: Asked) -> Answer:
        split = urlsplit(asked.path)
        path = unquote(split.path)
        if match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self._known(match[1], match[2], lambda commit, _: _json({"id": match[1], "sha": commit}))
        if match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)", path):
            at = int(parse_qs(split.query).get("cursor", ["0"])[0])
            return self._known(match[1], match[2], lambda _, files: self._tree(asked, files, at))
        if match := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._known(match[1], match[2], lambda commit, files: self._file(commit, files[match[3]]))
        contents = (
            content for dataset in self.datasets.values() for files in dataset.values() for content in files.values()
        )
        return next(Answer(200, content) for content in contents if path == f"/cdn/{_sha256(content)}")

    def _known(self, name: str, revision: str | None, found: Callable[[str, Mapping[str, bytes]], Answer]) -> Answer:
        commits = self.datasets.get(name)
        if commits is None:
            return Answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        commit = max(commits) if revision in (None, "main") else self.tags.get(str(revision), revision)
        if commit not in commits:
            return Answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        return found(str(commit), commits[str(commit)])

    def _tree(self, asked: Asked, files: Mapping[str, bytes], at: int) -> Answer:
        page = [_stated(path, files[path]) for path in sorted(files)[at : at + _PAGE]]
        more = f"{self.address}{asked.path.split('&cursor')[0]}&cursor={at + _PAGE}"
        return _json(page, {"Link": f'<{more}>; rel="next"'} if at + _PAGE < len(files) else {})

    def _file(self, commit: str, content: bytes) -> Answer:
        if not _is_large(content):
            return Answer(200, content, {"X-Repo-Commit": commit, "ETag": f'"{_git(content)}"'})
        digest = _sha256(content)
        where = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return Answer(302, b"", {"X-Repo-Commit": commit, "Location": f"{self.elsewhere}/cdn/{digest}"} | where)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        asked = Asked(self.path, self.headers["Range"], self.headers["Authorization"])
        self.server.asked.append(asked)
        answer = self.server.fault(asked, _part(asked, self.server.answer(asked)))
        self.send_response(answer.status)
        for name, value in ({"Content-Length": str(len(answer.body))} | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut])
        if answer.cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def hub(datasets: Mapping[str, Mapping[str, Mapping[str, bytes]]], tags: Mapping[str, str] = {}) -> Iterator[HubServer]:
    with HubServer(datasets, tags) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _part(asked: Asked, answer: Answer) -> Answer:
    if not asked.range or answer.status != 200:
        return answer
    start = int(asked.range.removeprefix("bytes=").rstrip("-"))
    total = len(answer.body)
    where = {"Content-Range": f"bytes {start}-{total - 1}/{total}"}
    return answer._replace(status=206, body=answer.body[start:], headers=answer.headers | where)


def _stated(path: str, content: bytes) -> dict[str, object]:
    stated: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": _git(content)}
    lfs = {"oid": _sha256(content), "size": len(content), "pointerSize": 130}
    return stated | ({"lfs": lfs} if _is_large(content) else {})


def _is_large(content: bytes) -> bool:
    return len(content) >= _LARGE


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _json(value: object, headers: Mapping[str, str] = {}) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"} | dict(headers))
