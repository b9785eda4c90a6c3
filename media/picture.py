"""A still picture as pixels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from media.errors import MediaError, check_machine, reason


def read_picture(path: Path) -> np.ndarray:
    """Pixels of a picture file, turned as its camera says: uint8, height x width x RGB. Raises MediaError."""
    try:
        with Image.open(path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError) as error:
        check_machine(error, path)
        raise MediaError(f"cannot read the picture {path.name}: {reason(error, path)}") from error
