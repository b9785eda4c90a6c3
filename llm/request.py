"""One LLM call as a value: what is asked, of whom, and how it ended.

A request's identity covers everything that could change the reply: provider, model, messages with media by digest,
decoding, prompt name and version. Where the media lie, who asks and how often does not enter.
"""

from functools import cached_property
from typing import Literal

from schemas.canonical import fingerprint
from schemas.example import MediaKind
from schemas.values import Value

Role = Literal["system", "user"]
Failure = Literal["refused", "truncated", "unparsable", "rejected", "unavailable", "timeout", "missing"]
"""refused: a safety block. rejected: the server will never take this request. unavailable, timeout: it might later.
missing: a replay found no recorded answer."""


class Text(Value):
    text: str


class MediaPart(Value):
    """A medium by digest; start and end in seconds cut it."""

    kind: MediaKind
    digest: str
    start: float | None = None
    end: float | None = None


class Message(Value):
    role: Role
    parts: tuple[Text | MediaPart, ...]


class Request(Value):
    """One question to a model.

    prompt, version: the template in llm/prompts that made the messages. fields: the values it was filled with, for
    providers that answer by rule. schema_: JSON schema of the reply, if one is asked for.
    """

    provider: str
    model: str
    prompt: str
    version: int
    messages: tuple[Message, ...]
    fields: dict[str, str]
    max_tokens: int
    temperature: float = 0.0

    @cached_property
    def identity(self) -> str:
        """Hex SHA-256 that names this request in the response log."""
        return fingerprint(self)

    @property
    def media(self) -> tuple[MediaPart, ...]:
        return tuple(part for message in self.messages for part in message.parts if isinstance(part, MediaPart))


class Reply(Value):
    """What a provider sent back: text, tokens, US dollars, and its own id of the request."""

    text: str
    request_id: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


class Outcome(Value):
    """How a request ended: `text` on success, else `failure` and its `detail`; never an empty string in place of one.

    cached: the response log held the answer and nothing was sent.
    """

    identity: str
    text: str | None = None
    failure: Failure | None = None
    detail: str = ""
    request_id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    cached: bool = False


class ProviderError(Exception):
    """A call that did not bring an answer. `retry_after`: seconds the server asked for."""

    def __init__(self, failure: Failure, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure: Failure = failure
        self.detail = detail
        self.retry_after = retry_after

    @property
    def can_succeed_later(self) -> bool:
        return self.failure in ("unavailable", "timeout")
