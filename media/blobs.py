"""Where a medium lies: its file is found by digest, whatever it was called."""

from pathlib import Path


def blob_path(blobs: Path, digest: str) -> Path:
    """`{blobs}/ab/abcd...`, for the digest abcd...; a link or a file, without a suffix."""
    return blobs / digest[:2] / digest
