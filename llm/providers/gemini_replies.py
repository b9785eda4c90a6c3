"""What came back, read: a reply, or why there is none.

The body is read here and not by the SDK, which warns of every word that it does not know and takes longer.
"""

import json
import re

from pydantic import BaseModel, Field, ValidationError

from llm.request import Failure, ProviderError, Reply, Request
from schemas.values import UserError

_ENDS: dict[str, Failure] = {
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
    "IMAGE_RECITATION": "refused",
    "ESCALATION": "refused",
    "MODEL_ARMOR": "refused",
    "MAX_TOKENS": "truncated",
    "CONTINUATION": "truncated",
    "": "unavailable",
}
"""How a generation that did not STOP ended. Any other end, OTHER or a malformed call, is a reply of no use."""

_HALF = re.compile(r"[\ud800-\udfff]")


class _Part(BaseModel):
    text: str = ""
    thought: bool = False


class _Content(BaseModel):
    parts: list[_Part] = []


class _Candidate(BaseModel):
    content: _Content = _Content()
    finish: str = Field(default="", alias="finishReason")


class _Feedback(BaseModel):
    blocked: str = Field(default="", alias="blockReason")


class _Usage(BaseModel):
    prompt: int = Field(default=0, alias="promptTokenCount")
    told: int = Field(default=0, alias="candidatesTokenCount")
    thought: int = Field(default=0, alias="thoughtsTokenCount")


class _Response(BaseModel):
    candidates: list[_Candidate] = []
    feedback: _Feedback = Field(default=_Feedback(), alias="promptFeedback")
    usage: _Usage = Field(default=_Usage(), alias="usageMetadata")
    id: str = Field(default="", alias="responseId")


def read_body(body: str | None, request: Request) -> Reply:
    """The reply in a body. Raises as `read_response`."""
    try:
        told = json.loads(body or "")
    except (ValueError, RecursionError):
        raise ProviderError("unavailable", "the body is no JSON") from None
    return read_response(told, request)


def read_response(told: object, request: Request) -> Reply:
    """The reply in a GenerateContentResponse.

    Raises ProviderError for one that brings no whole answer, with what was paid for in it; UserError when the account
    is closed. A reply that stops without a word is unparsable, as with every provider: it was paid for, and at
    temperature 0 it comes again.
    """
    try:
        response = _Response.model_validate(told)
    except ValidationError:
        raise ProviderError("unavailable", "the reply is no generated content") from None
    reply = _reply(response, request)
    if not response.candidates:
        raise _unanswered(response.feedback.blocked, reply)
    if reply.finish == "PUP_LIMITED_DISABLED":
        raise UserError("provider gemini: the account is limited or closed for breaking the vendor's policy")
    if reply.finish != "STOP":
        detail = f"the reply ended with {reply.finish}" if reply.finish else "the reply has no end"
        raise ProviderError(_ENDS.get(reply.finish, "unparsable"), detail, reply=reply)
    if not reply.text:
        raise ProviderError("unparsable", "the reply has no text", reply=reply)
    if _HALF.search(_text(response)):
        raise ProviderError("unparsable", "the reply holds half a character", reply=reply)
    return reply


def _reply(response: _Response, request: Request) -> Reply:
    """All that came, also where it is no answer."""
    finish = response.candidates[0].finish if response.candidates else response.feedback.blocked
    return Reply(
        text=_HALF.sub("\ufffd", _text(response)),
        request_id=response.id or request.identity,
        input_tokens=response.usage.prompt,
        output_tokens=response.usage.told + response.usage.thought,
        finish=finish,
    )


def _text(response: _Response) -> str:
    """What the model said, without its thoughts."""
    parts = response.candidates[0].content.parts if response.candidates else []
    return "".join(part.text for part in parts if not part.thought)


def _unanswered(blocked: str, reply: Reply) -> ProviderError:
    if blocked:
        return ProviderError("refused", f"the prompt was blocked: {blocked}", reply=reply)
    return ProviderError("unavailable", "the reply has no candidate")
