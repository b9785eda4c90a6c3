"""Outside files by digest: `{store}/blobs/ab/<sha256>` is a link to where the file lies, or the file itself.

Rows name their media by digest alone, so the same rows come out whatever folder a dataset lies in. Nothing is
copied: a dataset of terabytes costs one link a file. Media that a publisher ships inside Parquet are written out.
"""

import hashlib
import os
import threading
from pathlib import Path

from media.blobs import blob_path
from storage.files import whole_file


def link(blobs: Path, path: Path, digest: str) -> Path:
    """Make the file at `path` readable by its digest and return that place. Bytes that were kept stay."""
    place, target = blob_path(blobs, digest), path.absolute()
    if place.exists() and (not place.is_symlink() or place.readlink() == target):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{digest}.{os.getpid()}-{threading.get_ident()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, place)
    return place


def keep(blobs: Path, content: bytes) -> str:
    """Store bytes by their digest and return it."""
    digest = hashlib.sha256(content).hexdigest()
    place = blob_path(blobs, digest)
    if not place.exists():
        with whole_file(place) as temporary:
            temporary.write_bytes(content)
    return digest
