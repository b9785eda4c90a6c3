"""A checkpoint is numbers and settings: no code out of it is run, whoever shipped it. Without torch.

Weights that are pickled can run anything when they are loaded, and `auto_map` asks transformers to import Python files
that lie beside them. Neither is needed by the models that can be trained here.
"""

import json
from pathlib import Path

from schemas.values import UserError

_SETTINGS = "*.json"
_WEIGHTS = "*.safetensors"


def check_harmless(folder: Path) -> None:
    """Raises UserError for a checkpoint without safetensors, and for one that wants to bring code of its own."""
    if not any(folder.glob(_WEIGHTS)):
        raise UserError(
            f"{folder} holds no weights as safetensors, and pickled ones (pytorch_model.bin) are not read, since they "
            "can run code: convert them with save_pretrained, or download the safetensors"
        )
    for path in sorted(folder.glob(_SETTINGS)):
        if _names_code(path):
            raise UserError(
                f"{path} has an auto_map, which asks for code of the checkpoint's own to be run; none is: use a "
                "checkpoint of the official classes, or remove the auto_map if it is one"
            )


def _names_code(path: Path) -> bool:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False  # who needs it says what is wrong with it
    return isinstance(settings, dict) and "auto_map" in settings
