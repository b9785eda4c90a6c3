"""Video-R1: video and image questions of five kinds, for SFT (COT-165k, with reasoning) and RL (260k).

Published by Video-R1 under apache-2.0 as two JSON arrays beside the media folders. Either file may be there, or both.
The first is said to be a part of the second, which its rows have not confirmed: reading both then gives its questions
twice, told apart by the category `file`, and curation keeps one of them. A row:

    {"problem_id": 7, "problem": "Which bell rings?", "data_type": "video", "problem_type": "multiple choice",
     "options": ["A. The left one", "B. The right one"], "process": "<think>...</think>",
     "solution": "<answer>B</answer>", "path": "./STAR/bells.mp4", "data_source": "STAR"}
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, MediaKind
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import find_files, inside, medium, path_group, root_of
from tasks.reading.problem import read_problem
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "Video-R1-*k.json"
_KINDS: dict[str, MediaKind] = {"video": "video", "image": "image"}


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        yield from convert(json_rows(folder, READER.name, file, f"{stem}:"), partial(_example, stem))


def _example(stem: str, row: Row) -> Example:
    problem = read_problem(row, READER.kinds)
    named = row.text("data_type")
    if named not in _KINDS:
        raise BadRow("unknown_media_type", f"data type {named[:80]!r}")
    path = inside(row, root_of(row.file), row.text("path"))
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("problem_id"),
        licence=READER.licence,
        group=path_group("video_r1", row.text("path")),
        question=problem.question,
        options=problem.options,
        answer_kind=problem.kind,
        answer=problem.answer,
        media=(medium(_KINDS[named], path),),
        categories={"file": stem, **row.labels(data_source="data_source")},
        context=problem.context,
        think=problem.think,
        provenance=problem.provenance,
    )


READER = Reader(
    name="video_r1",
    licence="apache-2.0",
    homepage="https://huggingface.co/datasets/Video-R1/Video-R1-data",
    files=(_FILES,),
    rows=_read,
    kinds=("choice", "number", "regression", "ocr", "free_text"),
    media=("video", "image"),
    verified="a quoted row",
)
