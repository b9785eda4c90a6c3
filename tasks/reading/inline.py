"""Media shipped inside a table, kept under a name whose suffix is told from the content."""

from storage.folder import Folder

_SUFFIXES: dict[tuple[int, bytes], str] = {
    (0, b"\xff\xd8\xff"): ".jpg",
    (0, b"\x89PNG"): ".png",
    (0, b"GIF8"): ".gif",
    (8, b"WEBP"): ".webp",
    (8, b"WAVE"): ".wav",
    (0, b"fLaC"): ".flac",
    (0, b"OggS"): ".ogg",
    (0, b"ID3"): ".mp3",
    (0, b"\xff\xfb"): ".mp3",
    (0, b"\xff\xfa"): ".mp3",
    (0, b"\xff\xf3"): ".mp3",
    (0, b"\xff\xf2"): ".mp3",
    (4, b"ftyp"): ".mp4",
}
"""(offset, mark) of each kind of content."""


def keep_inline(folder: Folder, stem: str, content: bytes) -> str:
    """Keep `content` in the folder and return its name there; ".bin" for content of no known kind."""
    suffixes = (suffix for (start, mark), suffix in _SUFFIXES.items() if content.startswith(mark, start))
    name = f"{stem}{next(suffixes, '.bin')}"
    folder.keep(name, content)
    return name
