"""Gemini's batch mode: many requests in one job, at half the price, answered within a day.

A job is kept by the digest of its requests (`llm.batches`): the same requests asked for again, by whatever process,
wait for the same job, and get its answers again for nothing.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

from google import genai
from google.genai import types
from google.genai.errors import APIError
from pydantic import SecretStr

from llm.batches import JobTable
from llm.providers.gemini_errors import translated
from llm.providers.gemini_files import Files
from llm.providers.gemini_lines import Answer, Asked, read_lines, write_lines
from llm.providers.gemini_media import Medium
from llm.request import FINAL, ProviderError, Request

POLL_SECONDS = 30.0
PATIENCE = 20
"""Looks at a job that may fail one after the other: a server that is away for ten minutes still works on it."""

_CALL_SECONDS = 600.0
_OPEN = ("UNSPECIFIED", "QUEUED", "PENDING", "RUNNING", "PAUSED", "UPDATING", "CANCELLING")
_LOST = ("FAILED", "CANCELLED", "EXPIRED")


class Batches:
    """The batch jobs of one account. scratch: folder in which files of lines are written."""

    def __init__(self, client: genai.Client, files: Files, jobs: JobTable, key: SecretStr, scratch: Path) -> None:
        self._client = client
        self._files = files
        self._jobs = jobs
        self._key = key
        self._scratch = scratch

    async def answer(self, requests: Sequence[Request], blobs: Path) -> list[Answer]:
        """One answer a request, in their order, when all are there.

        Raises ProviderError and UserError where it is the job that fails; asked for again, a job that is at work is
        waited for, and one that brought nothing is made anew.
        """
        models = dict.fromkeys(request.model for request in requests)
        of_model = {model: {one.identity: one for one in requests if one.model == model} for model in models}
        jobs = [asyncio.create_task(self._answer(Asked(model, asked, blobs))) for model, asked in of_model.items()]
        try:
            found = await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()  # where one failed: the others are kept, and go on at the server
        answers = {name: answer for of_job in found for name, answer in of_job.items()}
        return [answers[request.identity] for request in requests]

    async def _answer(self, asked: Asked) -> dict[str, Answer]:
        unreadable: dict[str, Answer] = {}
        with translated(asked.model, self._key):
            async with AsyncExitStack() as held:
                name = await self._find(asked.digest)
                if not name:
                    name, unreadable = await self._begin(asked, held)
                job = await self._wait(name, asked) if name else types.BatchJob()
            content = await self._download(job)
        answers = await asyncio.to_thread(read_lines, content, asked, self._key)
        if not any(_is_final(answer) for answer in answers.values()):
            self._jobs.forget(asked.digest)
        unanswered = ProviderError("unavailable", f"the batch job ended without an answer ({_state(job)})")
        return dict.fromkeys(asked.requests, unanswered) | unreadable | answers

    async def _find(self, digest: str) -> str:
        """The job's name; empty where there is none. One that was noted and not named is looked for."""
        name = self._jobs.find(digest)
        if name is not None and not name:
            async with asyncio.timeout(_CALL_SECONDS):
                name = await self._listed(digest)
            self._jobs.keep(digest, name)
        return name or ""

    async def _listed(self, digest: str) -> str:
        async for job in await self._client.aio.batches.list(config={"page_size": 100}):
            if job.display_name == _shown(digest) and job.name and _state(job) not in _LOST:
                return job.name
        return ""

    async def _begin(self, asked: Asked, held: AsyncExitStack) -> tuple[str, dict[str, Answer]]:
        """Write and upload the lines, and make the job: its name, empty where nothing can be asked; what cannot."""
        with TemporaryDirectory(dir=self._scratch, prefix="batch-") as folder:
            path = Path(folder) / "requests.jsonl"
            with path.open("wb") as file:
                unreadable = await write_lines(file, asked, self._files, held)
            if len(unreadable) == len(asked.requests):
                return "", unreadable
            lines = Medium("application/jsonl", await asyncio.to_thread(_digest, path), path)
            uploads = await held.enter_async_context(self._files.held([lines]))
        return await self._make(asked, uploads[lines.digest].name), unreadable

    async def _make(self, asked: Asked, file: str) -> str:
        self._jobs.keep(asked.digest)
        settings = types.CreateBatchJobConfig(display_name=_shown(asked.digest))
        async with asyncio.timeout(_CALL_SECONDS):
            job = await self._client.aio.batches.create(model=asked.model, src=file, config=settings)
        if not job.name:
            raise ProviderError("unavailable", "the server does not name the batch job that it made")
        self._jobs.keep(asked.digest, job.name)
        return job.name

    async def _wait(self, name: str, asked: Asked) -> types.BatchJob:
        failed = 0
        while True:
            try:
                job = await self._look(name, asked)
            except ProviderError as error:
                failed += 1
                if not error.can_succeed_later or failed > PATIENCE:
                    raise
            else:
                failed = 0
                if _state(job) not in _OPEN:
                    return job
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self, name: str, asked: Asked) -> types.BatchJob:
        with translated(asked.model, self._key):
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    return await self._client.aio.batches.get(name=name)
            except APIError as error:
                if error.code != 404:
                    raise
        self._jobs.forget(asked.digest)
        return types.BatchJob(state=types.JobState.JOB_STATE_EXPIRED)

    async def _download(self, job: types.BatchJob) -> bytes:
        """The lines that a job left, if any."""
        if not job.dest or not job.dest.file_name:
            return b""
        async with asyncio.timeout(_CALL_SECONDS):
            return await self._client.aio.files.download(file=job.dest.file_name)


def _is_final(answer: Answer) -> bool:
    return not isinstance(answer, ProviderError) or answer.failure in FINAL


def _state(job: types.BatchJob) -> str:
    return job.state.value.removeprefix("JOB_STATE_").removeprefix("BATCH_STATE_") if job.state else "UNSPECIFIED"


def _shown(digest: str) -> str:
    """Under which a job is asked for."""
    return f"contextfirst-{digest[:40]}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
