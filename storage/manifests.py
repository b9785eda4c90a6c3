"""Manifests as text: sealed when they are written, and never misread.

A seal is the SHA-256 of the manifest's own text with an empty seal, so that a manifest vouches for itself as it does
for its files. What is of another format, damaged, or lies where it does not belong is refused in one line.
"""

import json
import re

from pydantic import ValidationError

from schemas.artifact import MANIFEST_FORMAT, READABLE_FORMATS, Manifest, content_digest
from schemas.canonical import sha256_text
from schemas.values import UserError
from storage.filenames import fault_of

MANIFEST = "manifest.json"
_SEAL = re.compile(r'"seal": "([0-9a-f]{64})"\n}\Z')
_EMPTY = '"seal": ""\n}'


def sealed(manifest: Manifest) -> str:
    """The text to write, with its seal."""
    text = manifest.model_copy(update={"seal": ""}).model_dump_json(indent=2)
    return text.removesuffix(_EMPTY) + f'"seal": "{sha256_text(text)}"\n}}'


def parsed(content: bytes, where: str, stage: str, fingerprint: str) -> Manifest:
    """The manifest of an artifact from its bytes.

    Raises UserError for one that a newer or older program wrote, for a damaged one, another's, and what is none.
    """
    try:
        text = content.decode("utf-8")
        fields = json.loads(text)
        _check_format(fields["format"], where)
        manifest = Manifest.model_validate(fields)
    except UserError:
        raise
    except ValidationError as error:
        raise _refused(where, str(error).partition("\n")[0]) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _refused(where, " ".join(str(error).split()) or type(error).__name__) from error
    if fault := _fault_of(manifest, text, stage, fingerprint):
        raise _refused(where, fault)
    return manifest


def _check_format(written: object, where: str) -> None:
    if not isinstance(written, int) or isinstance(written, bool):
        raise TypeError(f"format {written!r}")
    if written not in READABLE_FORMATS:
        age = "newer" if written > MANIFEST_FORMAT else "older"
        raise UserError(
            f"{where} has manifest format {written}, {age} than {MANIFEST_FORMAT} which this version reads: "
            "use the matching version of contextfirst or another store"
        )


def _fault_of(manifest: Manifest, text: str, stage: str, fingerprint: str) -> str | None:
    if manifest.format > 1 and not _is_sealed(text):
        return "its seal does not fit, so it was changed or damaged"
    if (manifest.stage, manifest.fingerprint) != (stage, fingerprint):
        return f"it is that of {manifest.stage}/{manifest.fingerprint}"
    if any(fault_of(file.path) or not file.path for file in manifest.files):
        return "it names a file outside of its folder"
    if manifest.content != content_digest(manifest.files):
        return "its content is not that of its files"
    return None


def _is_sealed(text: str) -> bool:
    seal = _SEAL.search(text)
    return bool(seal) and sha256_text(text[: seal.start()] + _EMPTY) == seal[1]


def _refused(where: str, why: str) -> UserError:
    return UserError(f"{where} is not a manifest as it was written ({why}): remove its folder to have it made again")
