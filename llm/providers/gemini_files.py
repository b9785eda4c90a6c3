"""Gemini's Files API: a file is uploaded once, waited for until it can be asked about, and named again while it lasts.

Uploads run beside the calls that wait for them: two calls about one clip share its upload, and a call that runs into
its deadline leaves it going, for its next attempt to find. Files expire after 48 hours, and an account holds 20 GB of
them: when it is full, our own go that were not used for longest.
"""

import asyncio
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from google import genai
from google.genai import types
from google.genai.errors import APIError

from llm.providers.gemini_errors import is_full
from llm.providers.gemini_media import Medium
from llm.request import ProviderError
from llm.uploads import Upload, UploadTable

MARGIN = 3600.0
"""Seconds that a file must still last to be asked about."""
POLL_SECONDS = 2.0
_UPLOAD_SECONDS = 120.0
_SLOWEST = 250_000
"""Bytes a second, by which an upload may take longer."""
_PROCESS_SECONDS = 600.0
"""In which Gemini must have read a file."""
_ABREAST = 8
"""Uploads at once, of which each holds 8 MB."""
_LIFETIME = 48 * 3600.0
_GONE = (403, 404)


class Files:
    """The files of one account, by digest. Methods raise what the SDK raises, and ProviderError."""

    def __init__(self, client: genai.Client, table: UploadTable) -> None:
        self._files = client.aio.files
        self._table = table
        self._open: dict[tuple[str, str], asyncio.Task[Upload]] = {}
        self._used: Counter[str] = Counter()
        self._places = asyncio.Semaphore(_ABREAST)

    @asynccontextmanager
    async def held(self, media: Sequence[Medium], lasts: float = MARGIN) -> AsyncIterator[dict[str, Upload]]:
        """The uploads of the media by digest, none of which makes room for others meanwhile.

        lasts: seconds that each is good for.
        """
        digests = [medium.digest for medium in media]
        self._used.update(digests)
        try:
            yield dict(zip(digests, await asyncio.gather(*(self._get(one, lasts) for one in media)), strict=True))
        finally:
            self._used.subtract(digests)

    async def forget_lost(self, uploads: Sequence[Upload]) -> bool:
        """Ask the server for each, and forget those that it does not have any more. Was there any?"""
        lost = [upload for upload in uploads if await self._is_lost(upload)]
        for upload in lost:
            self._table.forget(upload.name)
        return bool(lost)

    async def close(self) -> None:
        for task in self._open.values():
            task.cancel()
        await asyncio.gather(*self._open.values(), return_exceptions=True)

    async def _get(self, medium: Medium, lasts: float) -> Upload:
        if known := self._table.find(medium.digest, medium.mime, time.time() + lasts):
            return known
        name = (medium.digest, medium.mime)
        if name not in self._open:
            self._open[name] = asyncio.create_task(self._provide(medium))
            self._open[name].add_done_callback(lambda task: self._ended(name, task))
        return await asyncio.shield(self._open[name])

    def _ended(self, name: tuple[str, str], task: asyncio.Task[Upload]) -> None:
        del self._open[name]
        if not task.cancelled():
            task.exception()  # seen, even where no call waits for it any more

    async def _provide(self, medium: Medium) -> Upload:
        async with self._places, asyncio.timeout(_UPLOAD_SECONDS + medium.size / _SLOWEST):
            upload = await self._upload(medium)
        async with asyncio.timeout(_PROCESS_SECONDS):
            return await self._wait(upload)

    async def _upload(self, medium: Medium) -> Upload:
        try:
            file = await self._send(medium)
        except APIError as error:
            if not is_full(error) or not await self._make_room(medium.size):
                raise
            file = await self._send(medium)
        return self._kept(file, medium.digest, medium.mime, medium.size)

    async def _send(self, medium: Medium) -> types.File:
        source = str(medium.source) if isinstance(medium.source, Path) else io.BytesIO(medium.source)
        settings = types.UploadFileConfig(mime_type=medium.mime, display_name=medium.digest)
        try:
            return await self._files.upload(file=source, config=settings)
        except KeyError as error:  # the SDK looks for what the server did not send
            raise ProviderError("unavailable", f"the upload was not answered: no {error}") from error

    async def _wait(self, upload: Upload) -> Upload:
        while not upload.ready:
            file = await self._files.get(name=upload.name)
            if file.state == types.FileState.FAILED:
                self._table.forget(upload.name)
                raise ProviderError("rejected", f"Gemini cannot read this {upload.mime}")
            upload = self._kept(file, upload.digest, upload.mime, upload.size)
            if not upload.ready:
                await asyncio.sleep(POLL_SECONDS)
        return upload

    def _kept(self, file: types.File, digest: str, mime: str, size: int) -> Upload:
        if not file.name or not file.uri:
            raise ProviderError("unavailable", "the server does not say where it put a file")
        expires = file.expiration_time.timestamp() if file.expiration_time else time.time() + _LIFETIME
        ready = file.state == types.FileState.ACTIVE
        upload = Upload(digest=digest, name=file.name, uri=file.uri, mime=mime, size=size, expires=expires, ready=ready)
        self._table.keep(upload)
        return upload

    async def _make_room(self, size: int) -> bool:
        """Delete our own files until there are `size` bytes more, those in use excepted. Was there any?"""
        freed = 0
        for upload in self._table.longest_unused():
            if freed >= size:
                break
            if not self._used[upload.digest]:
                freed += await self._delete(upload)
        return freed > 0

    async def _delete(self, upload: Upload) -> int:
        """Bytes that it made free: none where the file was gone already."""
        freed = upload.size
        try:
            await self._files.delete(name=upload.name)
        except APIError as error:
            if error.code not in _GONE:
                raise
            freed = 0
        self._table.forget(upload.name)
        return freed

    async def _is_lost(self, upload: Upload) -> bool:
        try:
            return (await self._files.get(name=upload.name)).state != types.FileState.ACTIVE
        except APIError as error:
            if error.code not in _GONE:
                raise
            return True
