"""IntentTrain: emotions, social situations and Video-R1 questions, rewritten with context and reasoning.

Published by HumanOmniV2 (PhilipC/IntentTrain) as up to three JSON arrays, any of which may be there, with the clips
in the folder or in `videos`. Options are a list or a list written as text; a path stands in `video`, `path` or both.
The format of the Social-IQ and Video-R1 rows is known from the code that reads them, that of the EMER rows from rows:

    {"problem": "What does she feel?", "problem_type": "emer_ov_mc", "options": ["A. Joy", "B. Grief"],
     "solution": "<context>...</context><think>...</think><answer>A</answer>", "answer": "A", "data_type": "video",
     "video": "MER24/sample_09000001.mp4", "path": "MER24/sample_09000001.mp4"}
"""

import posixpath
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from schemas.example import Example, MediaKind
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import clip_group, find_files, medium, path_group, place, root_of
from tasks.reading.problem import read_problem
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows


class _Part(NamedTuple):
    """One file: its name as a category, whose clip a path is, and the kinds of media that `data_type` may name."""

    name: str
    group: Callable[[str], str]
    kinds: dict[str, MediaKind]


_VIDEO: dict[str, MediaKind] = {"": "video", "video": "video"}
_EITHER: dict[str, MediaKind] = {"video": "video", "image": "image"}
_PARTS: dict[str, _Part] = {
    "emer_rewrite.json": _Part("emer", partial(clip_group, "mer"), _VIDEO),
    "social_iq_v2_rewrite.json": _Part("social_iq2", partial(clip_group, "youtube"), _VIDEO),
    "Video-R1_rewrite.json": _Part("video_r1", partial(path_group, "video_r1"), _EITHER),
}


def _read(folder: Folder) -> Iterator[Pending]:
    for name, part in _PARTS.items():
        for file in find_files(folder, name):
            stem = posixpath.splitext(name)[0]
            yield from convert(json_rows(folder, READER.name, file, f"{stem}:"), partial(_example, folder, part))


def _example(folder: Folder, part: _Part, row: Row) -> Example:
    problem, named, path = read_problem(row, READER.kinds), row.text_or_empty("data_type"), _path(row)
    if named not in part.kinds:
        raise BadRow("unknown_media_type", f"data type {named[:80]!r}")
    there = place(row, folder, root_of(row.file), path, f"videos/{path}")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("qid") or row.label("problem_id"),
        licence=READER.licence,
        group=part.group(path),
        question=problem.question,
        options=problem.options,
        answer_kind=problem.kind,
        answer=problem.answer,
        media=(medium(part.kinds[named], there),),
        categories={"part": part.name, **row.labels(type="Type", data_source="data_source")},
        context=problem.context,
        think=problem.think,
        provenance=problem.provenance,
    )


def _path(row: Row) -> str:
    """The one path of `video` and `path`."""
    paths = [path for name in ("video", "path") if (path := row.text_or_empty(name))]
    if not paths:
        raise BadRow("missing_field", "neither 'video' nor 'path'")
    if len({posixpath.normpath(path) for path in paths}) > 1:
        raise BadRow("media_conflict", f"video says {paths[0][:80]!r}, path says {paths[1][:80]!r}")
    return paths[0]


READER = Reader(
    name="intent_train",
    licence="CC BY-NC-SA 4.0 (clips); MER2024 terms, academic use (EMER clips)",
    homepage="https://huggingface.co/datasets/PhilipC/IntentTrain",
    files=tuple(_PARTS),
    rows=_read,
    kinds=("multi_choice", "choice", "number", "regression", "ocr", "free_text"),
    media=("video", "image"),
    verified="real rows",
)
