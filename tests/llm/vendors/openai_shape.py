"""OpenAI's chat completions: what may be asked, and how answers and errors look."""

import json
from typing import Any

from tests.llm.vendors.faults import Fault, Faulted
from tests.llm.vendors.protocol import Answer, Received
from tests.llm.vendors.question import Medium, Question, inline, parsed

_ERRORS: dict[Fault, tuple[int, str, str | None, str]] = {
    "overloaded": (429, "requests", "rate_limit_exceeded", "Rate limit reached"),
    "error": (500, "server_error", None, "The server had an error while processing your request"),
    "unavailable": (503, "server_error", None, "The engine is currently overloaded"),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota"),
    "unauthorized": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided"),
    "unknown_model": (404, "invalid_request_error", "model_not_found", "The model does not exist"),
    "not_found": (404, "invalid_request_error", None, "Invalid URL"),
    "bad_request": (400, "invalid_request_error", None, "Invalid request"),
}


def question(received: Received) -> Question:
    """Raises Faulted for what the real server would not take."""
    body = parsed(received.body)
    texts: dict[str, list[str]] = {"system": [], "user": []}
    media: list[Medium] = []
    for message in body.get("messages") or _bad("messages is missing"):
        role = "user" if message.get("role") == "user" else "system"
        for part in _parts(message.get("content")):
            if part.get("type") == "text":
                texts[role].append(part["text"])
            else:
                media.append(_medium(part))
    return Question(
        vendor="openai",
        model=body.get("model") or _bad("model is missing"),
        api_key=received.api_key,
        system="\n".join(texts["system"]),
        text="\n".join(texts["user"]),
        media=tuple(media),
        schema=_schema(body.get("response_format")),
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        body=body,
    ).keyed()


def reply(asked: Question, text: str, fault: Fault | None) -> Answer:
    """fault: blocked, blocked_prompt, length, or None for a whole reply."""
    finish = {"blocked": "content_filter", "length": "length"}.get(fault or "", "stop")
    message: dict[str, object] = {"role": "assistant", "content": text, "refusal": None}
    if fault == "blocked_prompt":
        message |= {"content": None, "refusal": "I cannot help with that."}
    if fault == "blocked":
        message["content"] = ""
    if fault == "length":
        message["content"] = text[: len(text) // 2]
    told = len(text) // 4
    body = {
        "id": f"chatcmpl-{asked.content}",
        "object": "chat.completion",
        "created": 1,
        "model": asked.model,
        "choices": [{"index": 0, "finish_reason": finish, "logprobs": None, "message": message}],
        "usage": {"prompt_tokens": asked.tokens, "completion_tokens": told, "total_tokens": asked.tokens + told},
    }
    return Answer(200, json.dumps(body).encode())


def error(fault: Fault, detail: str, api_key: str, retry_after: float) -> Answer:
    """The message repeats the key, as some servers do: no client may pass it on."""
    status, kind, code, message = _ERRORS[fault]
    body = {"error": {"message": f"{message}. {detail} (key {api_key})", "type": kind, "param": None, "code": code}}
    headers = {"Retry-After": f"{retry_after:g}"} if fault == "overloaded" else {}
    return Answer(status, json.dumps(body).encode(), headers)


def models(names: tuple[str, ...]) -> Answer:
    listed = [{"id": name, "object": "model", "created": 1, "owned_by": "vendor"} for name in names]
    return Answer(200, json.dumps({"object": "list", "data": listed}).encode())


def _parts(content: object) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else _bad("content is neither text nor parts")


def _medium(part: dict[str, Any]) -> Medium:
    kind = str(part.get("type"))
    if kind == "input_audio":
        sound = part[kind]
        return inline(f"audio/{sound['format']}", sound["data"])
    if kind not in ("image_url", "video_url"):
        _bad(f"unknown content part {kind!r}")
    head, _, encoded = part[kind]["url"].partition(";base64,")
    if not head.startswith(f"data:{kind.removesuffix('_url')}/"):
        _bad(f"{kind} holds no such data URL")
    return inline(head.removeprefix("data:"), encoded)


def _schema(response_format: dict[str, Any] | None) -> dict[str, Any] | None:
    if response_format is None or response_format.get("type") == "text":
        return None
    if response_format.get("type") != "json_schema":
        _bad("response_format is no json_schema")
    described = response_format["json_schema"]
    if not described.get("name") or not isinstance(described.get("schema"), dict):
        _bad("json_schema has no name or no schema")
    return described["schema"]


def _bad(detail: str) -> Any:
    raise Faulted("bad_request", detail)
