"""One LLM call as a value: what is asked, of whom, and how it ended.

A request's identity covers everything that could change the reply: provider, model, messages with media by digest,
decoding, the reply's schema, prompt name and version. Where the media lie, who asks and how often does not enter. A
field at its default enters by its absence, so that a field added later leaves all identities as they were.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Literal

from schemas.canonical import fingerprint
from schemas.example import MediaKind
from schemas.llm import VideoInput
from schemas.values import Value

Role = Literal["system", "user"]
Failure = Literal[
    "refused", "truncated", "unparsable", "rejected", "overloaded", "unavailable", "timeout", "exhausted", "missing"
]
"""How a call that brought no answer ended.

- refused: a safety block. truncated: the reply ran into its token limit. unparsable: a reply that is not of the asked
  form. rejected: the server will never take this request. These four are final, and kept as what they are.
- overloaded: the server asks for fewer or later requests (429, 503). unavailable: it did not answer, or not whole.
  timeout: not within the deadline. These may succeed later and are tried again.
- exhausted: the account's quota or money is used up, which no retry mends.
- missing: a replay found no recorded answer.
"""

FINAL: frozenset[Failure] = frozenset({"refused", "truncated", "unparsable", "rejected"})
LATER: frozenset[Failure] = frozenset({"overloaded", "unavailable", "timeout"})


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
    providers that answer by rule. reply: JSON schema of the reply, if one is asked for. thinking: tokens to think
    with, beside max_tokens for the reply; None leaves it to the model. video: how clips are sent.
    """

    provider: str
    model: str
    prompt: str
    version: int
    messages: tuple[Message, ...]
    fields: dict[str, str]
    max_tokens: int
    temperature: float = 0.0
    reply: dict[str, object] | None = None
    thinking: int | None = None
    video: VideoInput = VideoInput()

    @cached_property
    def identity(self) -> str:
        """Hex SHA-256 that names this request in the response log."""
        return fingerprint(self.model_dump(mode="json", exclude_defaults=True))

    @property
    def media(self) -> tuple[MediaPart, ...]:
        return tuple(part for message in self.messages for part in message.parts if isinstance(part, MediaPart))


class Reply(Value):
    """What a provider sent back: text, tokens, the server's own id of the request, and why the reply ended.

    input_tokens, output_tokens: as the server counts them, thinking among the output.
    """

    text: str
    request_id: str
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = ""


class Outcome(Value):
    """How a request ended: `text` on success, else `failure` and its `detail`; never an empty string in place of one.

    said: what a model wrote whose reply is no answer, where it wrote something. cost: US dollars; None where the
    model has no price. latency: seconds of the attempt that ended it. cached: the response log, or another caller,
    had the outcome and nothing was sent.
    """

    identity: str
    text: str | None = None
    failure: Failure | None = None
    detail: str = ""
    said: str = ""
    request_id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    latency: float = 0.0
    finish: str = ""
    cached: bool = False


Check = Callable[[str], object]
"""Reads a reply. Raises ValueError when it is not of the asked form."""


class ProviderError(Exception):
    """A call that did not bring an answer.

    retry_after: seconds the server asked for. reply: what came all the same and was paid for, such as a reply cut
    short.
    """

    def __init__(
        self, failure: Failure, detail: str, retry_after: float | None = None, reply: Reply | None = None
    ) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure: Failure = failure
        self.detail = detail
        self.retry_after = retry_after
        self.reply = reply

    @property
    def can_succeed_later(self) -> bool:
        return self.failure in LATER
