"""The providers by name. To add one: a file here with a `Provider`, and a line in the table."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

from llm.request import ProviderError, Reply, Request
from schemas.values import UserError


class Provider(Protocol):
    """Sends one request. Raises ProviderError for a call that brought no answer."""

    async def send(self, request: Request, blobs: Path) -> Reply: ...

    async def close(self) -> None:
        """Let go of connections, in the event loop that they were made in."""
        ...


@runtime_checkable
class BatchProvider(Provider, Protocol):
    """Also takes many requests as one job, which costs less and may take a day."""

    async def send_batch(self, requests: Sequence[Request], blobs: Path) -> list[Reply | ProviderError]:
        """One answer a request, in their order, when all are there. Asked for again, also by another process, the
        same requests wait for the same job. Raises ProviderError or UserError where it is the job that fails."""
        ...


# Named, not imported: an SDK is loaded when its provider is first used.
PROVIDERS: dict[str, str] = {
    "offline": "llm.providers.offline",
    "openai": "llm.providers.openai",
    "gemini": "llm.providers.gemini",
}

# The environment variable that each provider's key is in.
KEYS: dict[str, str] = {
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
}


def connect(name: str, state: Path) -> Provider:
    """A new connection to the provider called `name`, for one event loop.

    state: folder in which a provider may keep what outlives a process, such as which files it has uploaded.

    Raises UserError for an unknown provider, or one whose settings are missing.
    """
    if name not in PROVIDERS:
        raise UserError(f"unknown LLM provider {name!r}: choose one of {', '.join(PROVIDERS)}")
    try:
        make: Callable[[Path], Provider] = import_module(PROVIDERS[name]).connect
    except ModuleNotFoundError as error:
        raise UserError(f"provider {name} needs the package {error.name}: pip install -e . brings it") from error
    return make(state)
