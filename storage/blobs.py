"""Outside files by digest: `{store}/blobs/ab/<sha256>` is a link to where the file lies, or the file itself.

Rows name their media by digest alone, so the same rows come out whatever folder a dataset lies in. Nothing that lies
in a folder is copied: a dataset of terabytes costs one link a file. What a publisher ships inside Parquet or inside an
archive is written out.
"""

import errno
import hashlib
import os
import threading
from pathlib import Path

from media.blobs import blob_path
from storage.files import whole_file


def link(blobs: Path, path: str | Path, digest: str) -> Path:
    """Make the file at an absolute path readable by its digest and return that place. Bytes that were kept stay."""
    place = blob_path(blobs, digest)
    if _is_there(place, str(path)):
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{digest}.{os.getpid()}-{threading.get_ident()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(path)
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


def move_in(blobs: Path, path: Path, digest: str) -> None:
    """Move a finished file of the same disk to its digest, over what is there."""
    place = blob_path(blobs, digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, place)


def _is_there(place: Path, target: str) -> bool:
    """Whether the place links to the target or is a file itself, asked in one system call."""
    try:
        return os.readlink(place) == target  # noqa: PTH115  text compares faster than paths do
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: it is no link
            raise
        return True
