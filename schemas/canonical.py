"""One text for one value: the JSON that fingerprints and request identities are hashed from.

Keys sorted, no spaces, UTF-8 kept. What has no canonical form (sets, bytes, paths, NaN) raises, because a
permissive fallback would silently fork or merge identities.
"""

import hashlib
import json
from enum import Enum

from pydantic import BaseModel


def canonical_json(value: object) -> str:
    """Canonical JSON text of `value`. Raises TypeError or ValueError for what has none."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_text(text: str) -> str:
    """Hex SHA-256 of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(value: object) -> str:
    """Hex SHA-256 of the canonical JSON of `value`: 64 characters."""
    return sha256_text(canonical_json(value))


def _plain(value: object) -> object:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"no canonical JSON for a mapping with keys that are not strings: {list(value)[:3]!r}")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise TypeError(f"no canonical JSON for {type(value).__name__} {value!r}: turn it into text, numbers or lists")
