"""The model families by what a checkpoint's `config.json` calls them, without torch: a wrong folder shows at once."""

import json
from pathlib import Path
from typing import NamedTuple

from schemas.values import UserError


class ModelType(NamedTuple):
    """thinker, full: `model_type` of a thinker's folder, and of a full model's."""

    title: str
    thinker: str
    full: str


QWEN2_5_OMNI = ModelType("Qwen2.5-Omni", "qwen2_5_omni_thinker", "qwen2_5_omni")
QWEN3_OMNI = ModelType("Qwen3-Omni", "qwen3_omni_moe_thinker", "qwen3_omni_moe")
MODEL_TYPES = (QWEN2_5_OMNI, QWEN3_OMNI)


def model_type_at(folder: Path) -> ModelType:
    """The type of a checkpoint. Raises UserError for a folder that is none, or of a type not known."""
    return model_type_named(_named(folder), f"{folder}: ")


def is_thinker(folder: Path) -> bool:
    """Whether a checkpoint holds a thinker alone. Raises UserError as `model_type_at` does."""
    return _named(folder) == model_type_at(folder).thinker


def _named(folder: Path) -> object:
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder} is not a checkpoint: it has no config.json") from None
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{folder / 'config.json'} is not a model's configuration: it names no model_type") from None


def model_type_named(name: object, place: str = "") -> ModelType:
    """The type of a `model_type`; `place` goes before the message. Raises UserError for one not known."""
    for each in MODEL_TYPES:
        if name in (each.thinker, each.full):
            return each
    known = ", ".join(f"{name} ({each.title})" for each in MODEL_TYPES for name in (each.full, each.thinker))
    raise UserError(f"{place}model_type {name!r} cannot be trained; known are {known}")
