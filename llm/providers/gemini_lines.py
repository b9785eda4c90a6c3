"""The requests of a batch job as lines of a file, and the lines that come back: each under its request's identity."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from google.genai.errors import APIError
from pydantic import SecretStr

from llm.providers.gemini_errors import status_error
from llm.providers.gemini_files import Files
from llm.providers.gemini_media import read_media
from llm.providers.gemini_messages import as_parts, wire
from llm.providers.gemini_replies import read_response
from llm.request import ProviderError, Reply, Request
from media.errors import MediaError
from schemas.canonical import fingerprint
from schemas.values import UserError

Answer = Reply | ProviderError

_INLINE_BYTES = 100_000
"""Of media in one line: larger ones are named, and read by the server when it comes to them."""
_LASTS = 30 * 3600.0
"""Seconds that uploaded media must last: a job takes up to a day."""
_ABREAST = 16
"""Requests whose media are read and uploaded at once."""
_HTTP = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 10: 409, 13: 500, 14: 503, 16: 401}
"""A line's status may be gRPC's."""


class Asked(NamedTuple):
    """What one job is asked: requests of one model, by identity."""

    model: str
    requests: Mapping[str, Request]
    blobs: Path

    @property
    def digest(self) -> str:
        return fingerprint([self.model, *sorted(self.requests)])


async def write_lines(file: BinaryIO, asked: Asked, files: Files, held: AsyncExitStack) -> dict[str, Answer]:
    """Write a line a request, its media uploaded and held. Returns what cannot be asked, as its media do not decode."""
    unreadable: dict[str, Answer] = {}
    names = list(asked.requests)
    for begin in range(0, len(names), _ABREAST):
        abreast = names[begin : begin + _ABREAST]
        lines = await asyncio.gather(*(_line(asked.requests[name], asked.blobs, files, held) for name in abreast))
        file.writelines(line for line in lines if isinstance(line, bytes))
        unreadable |= {name: line for name, line in zip(abreast, lines, strict=True) if not isinstance(line, bytes)}
    return unreadable


async def _line(request: Request, blobs: Path, files: Files, held: AsyncExitStack) -> bytes | ProviderError:
    try:
        media = await asyncio.to_thread(read_media, request, blobs, _INLINE_BYTES)
    except MediaError as error:
        return ProviderError("rejected", str(error))
    larger = [medium for medium in media.values() if not medium.inline]
    uploads = await held.enter_async_context(files.held(larger, _LASTS))
    body = wire(request, as_parts(request, media, uploads))
    return json.dumps({"key": request.identity, "request": body}).encode() + b"\n"


def read_lines(content: bytes, asked: Asked, key: SecretStr) -> dict[str, Answer]:
    """The answers among the lines, by identity; a line that cannot be read answers nothing."""
    answers: dict[str, Answer] = {}
    for line in content.splitlines():
        told = _parsed(line)
        request = asked.requests.get(str(told.get("key")))
        if request:
            answers[request.identity] = _answer(told, request, key)
    return answers


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _answer(told: dict[str, Any], request: Request, key: SecretStr) -> Answer:
    try:
        if isinstance(told.get("error"), dict):
            raise _line_error(told["error"], request, key)
        return read_response(told.get("response"), request)
    except ProviderError as error:
        return error
    except UserError as error:  # the job was taken, so key and model are right: it is a file that was lost
        return ProviderError("unavailable", str(error))


def _line_error(status: dict[str, Any], request: Request, key: SecretStr) -> ProviderError | UserError:
    code = status.get("code")
    code = _HTTP.get(code, code) if isinstance(code, int) else 500
    return status_error(APIError(code or 500, {"error": status}), request.model, key)
