"""Talking with the gemini provider over loopback: a server whose answers a test chooses, and the questions it got."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llm.providers.gemini import connect
from llm.request import MediaPart, Message, ProviderError, Reply, Request, Text
from tests.llm.scripted import asked
from tests.llm.vendors.faults import Behaviour, Fault, Faulted
from tests.llm.vendors.protocol import Answer
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors, serving

KEY = "AIza-test-0123456789abcdef"


class Talk:
    """answer: what goes back to every question. fault: how each fails instead."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answer: str | Answer = "fine"
        self.fault: Fault | None = None
        self.vendors: Vendors

    def say(self, question: Question) -> str | Answer:
        self.questions.append(question)
        if self.fault is not None:
            raise Faulted(self.fault)
        return self.answer

    @property
    def uploads(self) -> int:
        return self.vendors.counters.uploads.total()


@contextmanager
def talking(patch: pytest.MonkeyPatch, behaviour: Behaviour) -> Iterator[Talk]:
    talk = Talk()
    with serving(behaviour, talk.say) as talk.vendors:
        patch.setenv("GEMINI_BASE_URL", talk.vendors.gemini)
        patch.setenv("GEMINI_API_KEY", KEY)
        patch.delenv("GOOGLE_API_KEY", raising=False)
        yield talk


def ask(folder: Path, *requests: Request) -> list[Reply]:
    """The replies, all asked for at once by one provider."""

    async def send() -> list[Reply]:
        provider = connect(folder / "state")
        try:
            return await asyncio.gather(*(provider.send(request, folder / "blobs") for request in requests))
        finally:
            await provider.close()

    return asyncio.run(send())


def failed(folder: Path, request: Request) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(folder, request)
    return caught.value


def question(*media: MediaPart, **changes: object) -> Request:
    message = Message(role="user", parts=(*media, Text(text="what?")))
    return asked("", provider="gemini").model_copy(update={"messages": (message,)} | changes)
