"""The providers by name. To add one: a file here with a `Provider`, and a line in the table."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol

from llm.request import Reply, Request
from schemas.values import UserError


class Provider(Protocol):
    """Sends one request. Raises ProviderError for a call that brought no answer."""

    async def send(self, request: Request, blobs: Path) -> Reply: ...

    async def close(self) -> None:
        """Let go of connections, in the event loop that they were made in."""
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
    make: Callable[[Path], Provider] = import_module(PROVIDERS[name]).connect
    return make(state)
