"""Where a row's media lie in its folder, and which video or picture they are.

Paths come from outside. One that leaves the folder is hostile or a grave mistake, so it stops the run.
"""

import posixpath
import re
from fnmatch import fnmatchcase

from schemas.example import Media, MediaKind
from schemas.values import UserError
from storage.folder import Folder
from tasks.reading.row import BadRow, Row

_YOUTUBE = re.compile(r"(?:ytb_|v_)([A-Za-z0-9_-]{11})")
_TRIMMED = "_trimmed-out"


def find_files(folder: Folder, pattern: str) -> list[str]:
    """Sorted names whose last part matches, in any subfolder. Raises UserError when two last parts agree."""
    found: dict[str, str] = {}
    for name in folder.names():
        last = posixpath.basename(name)
        if not fnmatchcase(last, pattern) or last.startswith("."):
            continue
        if last in found:
            raise UserError(f"the folder holds {found[last]} and {name}, which is the dataset's? remove the other")
        found[last] = name
    return sorted(found.values())


def root_of(file: str, *inner: str) -> str:
    """The dataset's folder around one of its files, "" for the root; `inner` are folders between the two."""
    parent = posixpath.dirname(file)
    return posixpath.dirname(parent) if posixpath.basename(parent) in inner else parent


def inside(row: Row, root: str, path: str) -> str:
    """`path` below `root`, normalised, relative to the folder. Raises UserError when it leads out of it."""
    spoken = path.replace("\\", "/")
    name = posixpath.normpath(posixpath.join(root, spoken))
    if spoken.startswith("/") or re.match(r"[A-Za-z]:/", spoken) or name.split("/")[0] == "..":
        raise UserError(
            f"{row.file}, row {row.key}: path {path[:200]!r} leads out of the dataset's folder; "
            "correct or remove the row"
        )
    if name == "." or "\0" in name:
        raise BadRow("missing_field", f"{path[:80]!r} names no file")
    return name


def place(row: Row, folder: Folder, root: str, *paths: str) -> str:
    """The first of several possible places of one file that is there; the first of all when none is."""
    names = [inside(row, root, path) for path in paths]
    return next((name for name in names if name in folder), names[0])


def medium(kind: MediaKind, path: str) -> Media:
    """A medium that ingestion has still to find, digest and probe."""
    return Media(kind=kind, digest="", path=path)


def clip_group(namespace: str, path: str) -> str:
    """Identity of a clip by file name: "youtube/<id>" for `<id>.mp4` and for `<id>_trimmed-out.mp4`."""
    return f"{namespace}/{posixpath.splitext(posixpath.basename(path))[0].removesuffix(_TRIMMED)}"


def path_group(namespace: str, path: str) -> str:
    """Identity of a medium whose file name is unique only with its folders; YouTube clips by their id."""
    stem = posixpath.splitext(path)[0]
    youtube = _YOUTUBE.fullmatch(posixpath.basename(stem))
    return f"youtube/{youtube[1]}" if youtube else f"{namespace}/{stem}"
