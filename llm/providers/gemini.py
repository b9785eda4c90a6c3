"""Google's Gemini, through its own SDK, which sees and hears a clip as it is.

Settings come from the environment: GEMINI_API_KEY or GOOGLE_API_KEY, and GEMINI_BASE_URL for another address. Media go
within the request while they are small together, else by upload, which is kept and named again (`gemini_files`).
"""

import asyncio
import os
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from urllib.request import getproxies

import aiohttp
from google import genai
from google.genai import types
from google.genai.errors import APIError
from pydantic import SecretStr

from llm.batches import JobTable
from llm.providers.gemini_batch import Batches
from llm.providers.gemini_errors import translated
from llm.providers.gemini_files import Files
from llm.providers.gemini_media import Medium, read_media
from llm.providers.gemini_messages import Parts, as_parts, contents, settings
from llm.providers.gemini_replies import read_body
from llm.request import MediaPart, ProviderError, Reply, Request
from llm.uploads import UploadTable
from schemas.values import UserError

INLINE_BYTES = 14_000_000
"""Of media in one request. A request may have 20 MB in all, and base64 makes four bytes of three."""
_LOST_FILE = (400, 403, 404)
"""How a server answers a request that names a file which it does not have, or not yet."""


class Gemini:
    """For one event loop, in which its connections are made when it is first used.

    It must be aiohttp's: with what the SDK takes otherwise it is ten times as slow.
    """

    def __init__(self, key: SecretStr, state: Path) -> None:
        self._key = key
        account = sha256(key.get_secret_value().encode()).hexdigest()[:16]
        self._state = state
        self._uploads = UploadTable(state / "gemini_uploads.sqlite", account)
        self._jobs = JobTable(state / "gemini_batches.sqlite", account)

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        """The engine bounds the number of connections. Where there is no proxy none is looked for, at every call."""
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=bool(getproxies()))

    @cached_property
    def _client(self) -> genai.Client:
        """One attempt a call: left to itself the SDK sends again what was cut off, and nobody counts it."""
        options = types.HttpOptions(
            base_url=os.environ.get("GEMINI_BASE_URL"),
            api_version="v1beta",  # where all of its features are
            retry_options=types.HttpRetryOptions(attempts=1),
            aiohttp_client=self._session,
        )
        return genai.Client(vertexai=False, api_key=self._key.get_secret_value(), http_options=options)

    @cached_property
    def _files(self) -> Files:
        return Files(self._client, self._uploads)

    async def send(self, request: Request, blobs: Path) -> Reply:
        """Raises UserError for what no row is to blame for: a wrong key, account or model; MediaError."""
        media = await asyncio.to_thread(read_media, request, blobs, INLINE_BYTES) if request.media else {}
        with translated(request.model, self._key):
            return await self._ask(request, media) or await self._ask_again(request, media)

    async def send_batch(self, requests: Sequence[Request], blobs: Path) -> list[Reply | ProviderError]:
        """One answer a request, in their order: at half the price, within a day. Raises as `Batches.answer`."""
        batches = Batches(self._client, self._files, self._jobs, self._key, self._state)
        return await batches.answer(requests, blobs)

    async def close(self) -> None:
        await self._files.close()
        await self._client.aio.aclose()
        self._client.close()
        await self._session.close()
        self._uploads.close()
        self._jobs.close()

    async def _ask(self, request: Request, media: dict[MediaPart, Medium]) -> Reply | None:
        """None where the server lost an upload that was known: it is known no more."""
        async with self._files.held([medium for medium in media.values() if not medium.inline]) as uploads:
            try:
                return await self._generate(request, as_parts(request, media, uploads))
            except APIError as error:
                if error.code not in _LOST_FILE or not await self._files.forget_lost(list(uploads.values())):
                    raise
                return None

    async def _ask_again(self, request: Request, media: dict[MediaPart, Medium]) -> Reply:
        reply = await self._ask(request, media)
        if reply is None:
            raise ProviderError("unavailable", "the server lost a file right after its upload")
        return reply

    async def _generate(self, request: Request, parts: Parts) -> Reply:
        response = await self._client.aio.models.generate_content(
            model=request.model,
            contents=contents(request, parts),  # type: ignore[arg-type]
            config=settings(request, parts),
        )
        body = response.sdk_http_response.body if response.sdk_http_response else None
        return read_body(body, request)


def connect(state: Path) -> Gemini:
    """state: folder of what outlives a process: files uploaded, batch jobs. Raises UserError without a key."""
    key = os.environ.get("GOOGLE_API_KEY") or os.environ.get("GEMINI_API_KEY")  # the SDK's order, which it tells
    if not key:
        raise UserError("provider gemini needs GEMINI_API_KEY or GOOGLE_API_KEY in the environment")
    return Gemini(SecretStr(key.strip()), state)
