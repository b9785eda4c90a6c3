"""HTTP/1.1 as the vendors' clients use it: a body of known length, kept-alive connections, no pipelining.

A bare asyncio.Protocol: the server shares the machine with the client that is measured, so it has to cost little.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple, cast
from urllib.parse import parse_qsl

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Received(NamedTuple):
    """One request. headers: names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def api_key(self) -> str:
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return bearer or self.headers.get("x-goog-api-key", "")


class Answer(NamedTuple):
    """What goes back: a JSON body as bytes, unless a header says otherwise."""

    status: int
    body: bytes
    headers: dict[str, str] = {}

    def encoded(self) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = (
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n{lines}\r\n"
        )
        return head.encode() + self.body


class Connection(asyncio.Protocol):
    """One client's connection; `take` gets each whole request and answers now or later."""

    def __init__(self, take: Callable[[Received, "Connection"], None], opened: set["Connection"]) -> None:
        self._take = take
        self._opened = opened
        self._buffer = bytearray()
        self._head: Received | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._opened.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (received := self._next()) is not None:
            self._take(received, self)

    def send(self, answer: Answer) -> bool:
        """Whether there was still someone to write to."""
        return self._write(answer.encoded())

    def cut(self, answer: Answer) -> bool:
        """Write the head and half the body, then hang up."""
        encoded = answer.encoded()
        alive = self._write(encoded[: len(encoded) - len(answer.body) // 2])
        if self._transport is not None:
            self._transport.close()
        return alive

    def drop(self) -> bool:
        if self._transport is None:
            return False
        self._transport.abort()
        return True

    def _write(self, content: bytes) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(content)
        return True

    def _next(self) -> Received | None:
        head = self._head or self._take_head()
        length = int(head.headers.get("content-length", 0)) if head else 0
        if head is None or len(self._buffer) < length:
            self._head = head
            return None
        self._head = None
        body = bytes(memoryview(self._buffer)[:length])
        del self._buffer[:length]
        return head._replace(body=body)

    def _take_head(self) -> Received | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        start, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        method, target, _ = start.split(" ", 2)
        path, _, query = target.partition("?")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Received(method, path, dict(parse_qsl(query)) if query else {}, headers, b"")
