"""A decoded piece as a file: a header of 512 bytes, then its values as they lie in memory, to be mapped.

The header is one line: a checksum of all that follows it, then JSON with the values' type and shape. A file appears
whole, by rename, so any number of processes may write the same one; what a disk or a crash of the machine damaged
fails its checksum.
"""

import json
import math
import mmap
import os
import threading
from pathlib import Path
from zlib import crc32

import numpy as np

from training.pieces import Decoded

HEADER = 512
TEMPORARY = ".tmp"
"""Suffix of what is being written."""


class Damaged(Exception):
    """A file that is not what was written, and in which way."""


def write_entry(place: Path, decoded: Decoded) -> None:
    """Write `place`, whole or not at all. Raises OSError."""
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    values = np.ascontiguousarray(decoded.values)
    try:
        with temporary.open("wb") as target:
            target.write(_header(decoded, values))
            target.write(values.data)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)


def read_entry(place: Path) -> Decoded | None:
    """The piece in `place`, mapped into memory: writing on its values changes nothing on disk. None where no file is.

    The file's time of modification becomes that of its last reading. Raises Damaged, and OSError where the disk does
    not answer.
    """
    try:
        with place.open("rb") as source:
            os.utime(source.fileno())
            if os.fstat(source.fileno()).st_size < HEADER:
                raise Damaged("it is shorter than its header")
            content = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_COPY)
    except FileNotFoundError:
        return None
    return _parse(content)


def _header(decoded: Decoded, values: np.ndarray) -> bytes:
    text = json.dumps({**decoded._asdict(), "values": [values.dtype.str, values.shape]}).encode()
    line = b"%08x %s" % (crc32(values.data, crc32(text)), text)
    return line.ljust(HEADER - 1) + b"\n"


def _parse(content: mmap.mmap) -> Decoded:
    checksum, _, text = content[:HEADER].rstrip().partition(b" ")
    if checksum != b"%08x" % crc32(memoryview(content)[HEADER:], crc32(text)):
        raise Damaged("its checksum is another")
    facts = json.loads(text)
    kind, shape = facts["values"]
    values = np.frombuffer(content, kind, math.prod(shape), HEADER).reshape(shape)
    return Decoded(values, facts["fps"], facts["seconds"], tuple(facts["size"]))
