"""OmniVideo-R1: questions about clips of LLaVA-Video-178K and VideoVista, with the sound of each beside it.

Published under apache-2.0 as JSON Lines without media: `merged_train_all_qi.jsonl` for the first stage of training and
`merged_train_fusion_ma.jsonl` for the second, which may repeat some questions. Paths are those of the publisher's
machine: a clip is the file below the folder, its `videos` or `data/videos`, whose path is the longest tail of the
published one, with a folder at least where it was published in one. The sound is a medium only where its file is
there. Options stand in the problem. A row:

    {"id": "9_turn0", "Type": "0_30_s_nextqa_mc_qa_processed", "problem": "<video><audio>\\nWho sings?\\nA. A\\nB. B",
     "solution": "B. B", "videos": ["./data/videos/NextQA/NExTVideo/1/2.mp4"], "audios": ["./data/audios/2.mp3"],
     "data_source": "0_30_s_nextqa", "messages": [...]}
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Media
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.inner_options import read_turn
from tasks.reading.places import find_files, inside, is_of_dataset, medium, path_group, root_of
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "merged_train_*.jsonl"
_CHOICE = "_mc_"
_FOLDERS = ("", "videos", "data/videos")
_PUBLISHED = re.compile(r"(?:.*/)?data/(?:videos|audios)/")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        yield from convert(json_rows(folder, READER.name, file, f"{stem}:"), partial(_example, folder, stem))


def _example(folder: Folder, stem: str, row: Row) -> Example:
    turn, video = read_turn(row.text("problem"), row.text("solution")), _only(row, "videos")
    if _CHOICE in row.label("Type").lower() and not turn.options:
        raise BadRow("too_few_options", f"a row of type {row.label('Type')[:80]!r} without options")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("id"),
        licence=READER.licence,
        group=_group(folder, row, video),
        question=turn.question,
        options=turn.options,
        answer_kind=turn.kind,
        answer=turn.answer,
        media=_media(folder, row, video),
        categories={"file": stem, **row.labels(type="Type", data_source="data_source")},
    )


def _media(folder: Folder, row: Row, video: str) -> tuple[Media, ...]:
    clip = medium("video", _find(folder, row, video)[0])
    sound = _find(folder, row, _only(row, "audios"))[0] if row.fields.get("audios") else ""
    return (clip, medium("audio", sound)) if sound in folder else (clip,)


def _only(row: Row, name: str) -> str:
    """The one text of a list."""
    listed = row.fields.get(name)
    if not listed:
        raise BadRow("missing_field", f"{name!r} is absent or empty")
    if not isinstance(listed, list) or len(listed) != 1:
        raise BadRow("wrong_type", f"{name!r} is no list of one path")
    return row._replace(value={name: listed[0]}).text(name)


def _group(folder: Folder, row: Row, video: str) -> str:
    """By the published path; where its folders are only the machine's, by the tail that names the file here."""
    told = is_of_dataset(video) or not video.startswith("/")
    return path_group("llava_video_178k", video if told else _find(folder, row, video)[1])


def _find(folder: Folder, row: Row, path: str) -> tuple[str, str]:
    """The file whose path ends as `path` does, as long an end as there is, and that end; else all of `path` twice."""
    whole = inside(row, "", path.lstrip("/"))
    root = root_of(row.file, "data")
    places = ((posixpath.join(root, inner, tail), tail) for tail in _tails(whole) for inner in _FOLDERS)
    return next(((place, tail) for place, tail in places if place in folder), (whole, whole))


def _tails(path: str) -> Iterator[str]:
    """Ends of a path, the longest first; a name without its folder is another file's too, so it is no end."""
    parts = path.split("/")
    fewest = min(2, len(_PUBLISHED.sub("", path).split("/")))
    return ("/".join(parts[start:]) for start in range(len(parts) - fewest + 1))


READER = Reader(
    name="omnivideo_r1",
    licence="apache-2.0",
    homepage="https://huggingface.co/datasets/jankin123/OmniVideo-R1",
    files=(_FILES,),
    rows=_read,
    kinds=("choice", "free_text"),
    media=("video", "audio"),
    verified="a description",
)
