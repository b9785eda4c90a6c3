"""Gemini's generateContent: what may be asked, and how answers and errors look."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.llm.vendors.faults import Fault, Faulted
from tests.llm.vendors.protocol import Answer
from tests.llm.vendors.question import Medium, Question, inline

FindFile = Callable[[str], Medium]
"""From a file's name, as in files/abc, to its content; raises Faulted for one that is gone or not ready."""

_ERRORS: dict[Fault, tuple[int, str, str]] = {
    "overloaded": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for requests per minute"),
    "error": (500, "INTERNAL", "An internal error has occurred"),
    "unavailable": (503, "UNAVAILABLE", "The model is overloaded. Please try again later"),
    "quota": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, check your plan and billing"),
    "unauthorized": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key"),
    "unknown_model": (404, "NOT_FOUND", "The model is not found for API version v1beta"),
    "not_found": (404, "NOT_FOUND", "Requested entity was not found"),
    "bad_request": (400, "INVALID_ARGUMENT", "Request contains an invalid argument"),
    "gone": (403, "PERMISSION_DENIED", "You do not have permission to access the File or it may not exist"),
    "inactive": (400, "FAILED_PRECONDITION", "The File is not in an ACTIVE state and usage is not allowed"),
    "exists": (409, "ALREADY_EXISTS", "Requested entity already exists"),
    "storage": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric file_storage_bytes"),
}
_TYPE = "type.googleapis.com/google.rpc."
_KINDS = {"text", "inlineData", "fileData"}
_STANDARD = str.maketrans("-_", "+/")
"""Both alphabets of base64 are JSON's for protobuf; the SDK writes the other one."""


def question(body: dict[str, Any], model: str, api_key: str, find: FindFile) -> Question:
    """Raises Faulted for what the real server would not take."""
    media: list[Medium] = []
    texts: list[str] = []
    for content in body.get("contents") or _bad("contents is not specified"):
        for part in content.get("parts") or _bad("contents.parts must not be empty"):
            if "text" in part:
                texts.append(part["text"])
            else:
                media.append(_medium(part, find))
    settings = body.get("generationConfig") or {}
    system = (body.get("systemInstruction") or {}).get("parts", [])
    return Question(
        vendor="gemini",
        model=model,
        api_key=api_key,
        system="\n".join(part["text"] for part in system),
        text="\n".join(texts),
        media=tuple(media),
        schema=_schema(settings),
        max_tokens=settings.get("maxOutputTokens"),
        body=body,
    ).keyed()


def reply(asked: Question, text: str, fault: Fault | None) -> Answer:
    return Answer(200, json.dumps(response(asked, text, fault)).encode())


def response(asked: Question, text: str, fault: Fault | None) -> dict[str, Any]:
    """A GenerateContentResponse. fault: blocked, blocked_prompt, length, or None for a whole reply."""
    told, thought = len(text) // 4, _thinking(asked)
    usage = {"promptTokenCount": asked.tokens, "candidatesTokenCount": told, "thoughtsTokenCount": thought}
    body: dict[str, Any] = {
        "usageMetadata": usage | {"totalTokenCount": asked.tokens + told + thought},
        "modelVersion": asked.model,
        "responseId": asked.content,
    }
    if fault == "blocked_prompt":
        return body | {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    candidate: dict[str, Any] = {"index": 0, "finishReason": "STOP"}
    if fault == "blocked":
        candidate["finishReason"] = "SAFETY"
        candidate["safetyRatings"] = [
            {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
        ]
    else:
        if fault == "length":
            candidate["finishReason"], text = "MAX_TOKENS", text[: len(text) // 2]
        candidate["content"] = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [candidate]} | body


def error(fault: Fault, detail: str, api_key: str, retry_after: float) -> Answer:
    """The message repeats the key, as some servers do: no client may pass it on."""
    body = {"error": status(fault, detail, api_key, retry_after)}
    return Answer(body["error"]["code"], json.dumps(body).encode())


def status(fault: Fault, detail: str, api_key: str, retry_after: float) -> dict[str, Any]:
    """The time to wait is named in the body alone, and even where waiting so long will not help."""
    code, name, message = _ERRORS[fault]
    told: dict[str, Any] = {"code": code, "message": f"{message}. {detail} (key {api_key})", "status": name}
    if fault in ("overloaded", "quota"):
        told["details"] = [
            _quota("PerDay" if fault == "quota" else "PerMinute"),
            {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_after:g}s"},
        ]
    if fault == "unauthorized":
        told["details"] = [
            {"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": {}}
        ]
    return told


def models(names: tuple[str, ...]) -> Answer:
    return Answer(200, json.dumps({"models": [{"name": f"models/{name}"} for name in names]}).encode())


def _quota(span: str) -> dict[str, Any]:
    quota = f"GenerateRequests{span}PerProjectPerModel-FreeTier"
    violation = {"quotaMetric": "generativelanguage.googleapis.com/generate_requests", "quotaId": quota}
    return {"@type": f"{_TYPE}QuotaFailure", "violations": [violation]}


def _medium(part: dict[str, Any], find: FindFile) -> Medium:
    (kind,) = _KINDS & part.keys() or _bad(f"a part is of no known kind: {sorted(part)}")
    told, video = _camel(part[kind]), _camel(part.get("videoMetadata", {}))
    if kind == "inlineData":
        encoded = str(told.get("data")).translate(_STANDARD)
        return inline(told.get("mimeType") or _bad("a mime type is missing"), encoded, **video)
    name = "files/" + told.get("fileUri", "").partition("/files/")[2]
    return find(name)._replace(video=video)


def _schema(settings: dict[str, Any]) -> dict[str, Any] | None:
    schema = settings.get("responseJsonSchema") or settings.get("responseSchema")
    if schema is not None and settings.get("responseMimeType") != "application/json":
        _bad("a response schema needs the mime type application/json")
    return schema


def _thinking(asked: Question) -> int:
    """Tokens thought: as many as were allowed."""
    thinking = (asked.body.get("generationConfig") or {}).get("thinkingConfig", {})
    return max(_camel(thinking).get("thinkingBudget") or 0, 0)


def _camel(told: dict[str, Any]) -> dict[str, Any]:
    """Both spellings of a field are taken, as by the real server: the SDK writes inner ones with underscores."""
    return {re.sub("_(.)", lambda match: match[1].upper(), name): value for name, value in told.items()}


def _bad(detail: str) -> Any:
    raise Faulted("bad_request", detail)
