"""A provider that plays a script, and requests to send it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llm.providers import PROVIDERS
from llm.request import Message, ProviderError, Reply, Request, Text

Say = Callable[[Request], str]


class Scripted:
    """Answers by `say`, which may raise; keeps what it was sent and how many calls were open at once."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._open = 0
        self.sent: list[str] = []
        self.most_open = 0

    async def send(self, request: Request, blobs: Path) -> Reply:
        self.sent.append(said(request))
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        for _ in range(3):
            await asyncio.sleep(0)
        self._open -= 1
        return Reply(text=self._say(request), request_id=f"id-{len(self.sent)}", input_tokens=2, output_tokens=1)

    async def close(self) -> None:
        pass


class ScriptedJobs(Scripted):
    """Also takes jobs: one answer a request by `say`, unless `fault` is set, which the whole job fails with."""

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self.jobs: list[list[str]] = []
        self.fault: ProviderError | None = None

    async def send_batch(self, requests: Sequence[Request], blobs: Path) -> list[Reply | ProviderError]:
        self.jobs.append([said(request) for request in requests])
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        return [self._line(request) for request in requests]

    def _line(self, request: Request) -> Reply | ProviderError:
        try:
            return Reply(text=self._say(request), request_id="", input_tokens=2, output_tokens=1)
        except ProviderError as error:
            return error


class Silent:
    """Never replies."""

    async def close(self) -> None:
        pass

    async def send(self, request: Request, blobs: Path) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")


_current: list[object] = []


def connect(state: Path) -> object:
    return _current[-1]


def install(patch: pytest.MonkeyPatch, provider: Scripted | Silent) -> None:
    """Make it the provider called `scripted`, by its line in the table."""
    _current.append(provider)
    patch.setitem(PROVIDERS, "scripted", "tests.llm.scripted")


def scripted(patch: pytest.MonkeyPatch, say: Say = lambda request: said(request).upper()) -> Scripted:
    provider = Scripted(say)
    install(patch, provider)
    return provider


def scripted_jobs(patch: pytest.MonkeyPatch, say: Say = lambda request: said(request).upper()) -> ScriptedJobs:
    provider = ScriptedJobs(say)
    install(patch, provider)
    return provider


def asked(text: str, provider: str = "scripted") -> Request:
    """A request that says one word."""
    return Request(
        provider=provider,
        model="m",
        prompt="p",
        version=1,
        messages=(Message(role="user", parts=(Text(text=text),)),),
        fields={},
        max_tokens=8,
    )


def said(request: Request) -> str:
    (part,) = request.messages[-1].parts
    assert isinstance(part, Text)
    return part.text
