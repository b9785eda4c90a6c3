"""What the SDK raises, as what it means: the row's fault, the server's, or the user's to mend.

A server may repeat the key in its message. What is kept of a message is short and without it, and the SDK's own error
is left behind, so that no traceback shows it.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from google.genai.errors import APIError
from pydantic import SecretStr

from llm.request import Failure, ProviderError
from schemas.values import UserError

_MOST_CHARACTERS = 200
_LONGEST_WAIT = 24 * 3600.0
"""Seconds; servers name the largest number there is where waiting will not help."""
_LATER: dict[int, Failure] = {
    408: "unavailable",
    409: "unavailable",
    429: "overloaded",
    499: "unavailable",
    503: "overloaded",
}
_MISTAKES = {
    401: "the server does not take the key: correct GEMINI_API_KEY",
    403: "the key may not do this: correct GEMINI_API_KEY, or what its project may use",
    404: "the server does not know this model or address: correct the model's name or GEMINI_BASE_URL",
}


@contextmanager
def translated(model: str, key: SecretStr) -> Iterator[None]:
    """Whatever the SDK raises within leaves as ProviderError, or as UserError where no row is to blame."""
    try:
        yield
    except UserError:
        raise
    except APIError as error:
        raise status_error(error, model, key) from None
    except TimeoutError as error:
        raise ProviderError("timeout", "no reply in time") from error
    except (aiohttp.ClientError, ConnectionError, ValueError) as error:
        detail = f"no whole reply came: {type(error).__name__} {_safe(str(error), key)}".strip()
        raise ProviderError("unavailable", detail) from None


def status_error(error: APIError, model: str, key: SecretStr) -> ProviderError | UserError:
    """What an HTTP status means, or a status within a batch."""
    told = json.dumps(error.details, default=str)
    said = f"HTTP {error.code}: {_safe(error.message, key)}".rstrip(": ")
    if mistake := _mistake(error, told):
        return UserError(f"provider gemini: {mistake} (model {model!r}) ({said})")
    if is_full(error):
        return ProviderError("exhausted", "the account's file storage is full and none of it is ours to delete")
    if error.code == 429 and re.search("PerDay", told):
        return ProviderError("exhausted", f"the account's quota for today is used up ({said})")
    failure = _LATER.get(error.code, "unavailable" if not 400 <= error.code < 500 else "rejected")
    return ProviderError(failure, said, _retry_after(error, told))


def is_full(error: APIError) -> bool:
    """Is it the quota of stored files that stands against an upload?"""
    return "file_storage_bytes" in json.dumps(error.details, default=str)


def _mistake(error: APIError, told: str) -> str:
    if error.code == 400 and "API_KEY_INVALID" in told:
        return _MISTAKES[401]
    if error.code == 400 and error.status == "FAILED_PRECONDITION":
        return "the account may not use this: look at its region and billing"
    return _MISTAKES.get(error.code, "")


def _retry_after(error: APIError, told: str) -> float | None:
    """Seconds that the server asked for, in its body or by a header."""
    found = re.search(r'"retryDelay": "([0-9]+(?:\.[0-9]+)?)s"', told)
    header = str(getattr(error.response, "headers", {}).get("Retry-After", ""))
    asked = found[1] if found else header if re.fullmatch(r"[0-9]+(\.[0-9]+)?", header, re.ASCII) else None
    return float(asked) if asked is not None and float(asked) <= _LONGEST_WAIT else None


def _safe(message: object, key: SecretStr) -> str:
    """One line of a message, without the key."""
    text = " ".join(str(message or "").split()).replace(key.get_secret_value(), "***")
    return text[:_MOST_CHARACTERS]
