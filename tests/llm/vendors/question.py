"""A question as either vendor's client asked it, and the default reply to it."""

import base64
import binascii
import json
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from tests.llm.vendors.faults import Faulted

REPLY_LENGTH = 800
_FILLER = "The clip shows a person who lifts a cup while a kettle begins to whistle in the background. " * 10


class Medium(NamedTuple):
    """mime: type as the client named it. digest: hex SHA-256 of the content. file: name at Gemini, as in files/abc.
    video: Gemini's videoMetadata, such as startOffset and fps.
    """

    mime: str
    digest: str
    size: int
    file: str = ""
    video: dict[str, Any] = {}


class Question(NamedTuple):
    """text: of the user, system: of the system, joined by new lines. schema: JSON schema of the reply.

    content: key of model, words and media, the same by whichever vendor it is asked. attempt: 1 for the first. body:
    all that was sent.
    """

    vendor: Literal["openai", "gemini"]
    model: str
    api_key: str
    system: str
    text: str
    media: tuple[Medium, ...]
    schema: dict[str, Any] | None
    max_tokens: int | None
    body: dict[str, Any]
    attempt: int = 0
    content: str = ""

    def keyed(self) -> "Question":
        told = "\0".join((self.model, self.system, self.text, *(medium.digest for medium in self.media)))
        return self._replace(content=sha256(told.encode(errors="surrogatepass")).hexdigest()[:24])

    @property
    def tokens(self) -> int:
        return (len(self.system) + len(self.text)) // 4 + 258 * len(self.media)


def parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Faulted("bad_request", f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Faulted("bad_request", "the body is no JSON object")
    return value


def inline(mime: str, encoded: object, **video: Any) -> Medium:
    """A medium sent as base64."""
    try:
        content = base64.b64decode(str(encoded), validate=True)
    except binascii.Error as error:
        raise Faulted("bad_request", f"the {mime} is not base64: {error}") from error
    if not content:
        raise Faulted("bad_request", f"the {mime} is empty")
    return Medium(mime, sha256(content).hexdigest(), len(content), video=video)


def default_reply(question: Question) -> str:
    """About 0.8 KB that differ from question to question; with a schema, JSON that fits it."""
    if question.schema is not None:
        return json.dumps(_instance(question.schema, question))
    return f"{question.content} {_FILLER}"[:REPLY_LENGTH]


def _instance(schema: dict[str, Any], question: Question) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kind = str(schema.get("type", "string")).lower()
    if kind == "object":
        return {name: _instance(inner, question) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema["items"], question)] * schema.get("minItems", 1)
    if kind in ("number", "integer"):
        return schema.get("minimum", 1)
    return True if kind == "boolean" else f"{question.content} {_FILLER}"[:200]
