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

_YOUTUBE = re.compile(r"(?:ytb_|v_)([A-Za-z0-9_-]{11})|([A-Za-z0-9_-]{11})\.[0-9.]+t[0-9.]+")
_LLAVA = re.compile(r"(?:.*/)?LLaVA-Video-178K/(?:[0-9]+_[0-9]+_[sm]_\w+/)?(.+)")
_SHELL = re.compile(r"(?:.*/)?(?:Video-R1-data|data/videos|[0-9]+_[0-9]+_[sm]_\w+)/")
_PLAIN = re.compile(r"(?:\./)?((?:[\w-][^/\\:\0]*/)*[\w-][^/\\:\0]*)")
"""A path whose every part begins with a letter, digit or dash: it stays inside, and is in its normal form."""
_TRIMMED = "_trimmed-out"
_VIDEOS = (".mp4", ".MP4", ".mkv", ".webm")


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
    if plain := _PLAIN.fullmatch(path):
        return posixpath.join(root, plain[1])
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


def video_place(row: Row, folder: Folder, root: str, stem: str, *inner: str) -> str:
    """The video of this name in one of the `inner` folders, whatever its suffix; the first .mp4 where none is."""
    return place(row, folder, root, *(posixpath.join(part, stem + suffix) for part in inner for suffix in _VIDEOS))


def medium(kind: MediaKind, path: str) -> Media:
    """A medium that ingestion has still to find, digest and probe."""
    return Media(kind=kind, digest="", path=path)


def clip_group(namespace: str, path: str) -> str:
    """Identity of a clip by file name: "youtube/<id>" for `<id>.mp4` and for `<id>_trimmed-out.mp4`."""
    return f"{namespace}/{posixpath.splitext(posixpath.basename(path))[0].removesuffix(_TRIMMED)}"


def path_group(namespace: str, path: str) -> str:
    """Identity of a medium whose file name is unique only with its folders, from the path that its publisher gives.

    YouTube clips go by their id, clips of LLaVA-Video-178K by their path in it, whoever ships them; folders that
    only hold a whole dataset do not count.
    """
    stem = posixpath.splitext(posixpath.normpath(path))[0]
    if youtube := _YOUTUBE.fullmatch(posixpath.basename(stem)):
        return f"youtube/{youtube[1] or youtube[2]}"
    if llava := _LLAVA.fullmatch(stem):
        return f"llava_video_178k/{llava[1]}"
    return f"{namespace}/{stem[shell.end() :] if (shell := _SHELL.match(stem)) else stem.lstrip('/')}"


def is_of_dataset(path: str) -> bool:
    """Whether a folder in the path is known to hold a whole dataset, so that no other above it matters."""
    return bool(_LLAVA.match(path) or _SHELL.match(path))


def picture_group(folder: Folder, namespace: str, path: str) -> str:
    """Identity of a picture by its bytes, the same in every dataset; by its name where it is not there."""
    return f"picture/{folder.entry(path).digest[:16]}" if path in folder else path_group(namespace, path)
