"""Clips of the MER challenges, whose licence sends them apart from the annotations and into no fixed folder."""

from storage.folder import Folder
from tasks.reading.places import place, root_of
from tasks.reading.row import Row

_FOLDERS = ("video", "MER24", "")
_SUFFIXES = (".mp4", ".avi")


def mer_clip(folder: Folder, row: Row, name: str, *inner: str) -> str:
    """Where the clip of this name is, or should be; `inner` are the folders that annotations may lie in."""
    paths = [f"{part}/{name}{suffix}".lstrip("/") for part in _FOLDERS for suffix in _SUFFIXES]
    return place(row, folder, root_of(row.file, *inner), *paths)
