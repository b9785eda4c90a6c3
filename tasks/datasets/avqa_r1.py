"""AVQA-R1-6K: four-option questions that need both one picture and one sound.

Published by EchoInk-R1 as `AVQA_R1.tar.gz`: one JSON array for each of `train` and `valid`, with the media beside it.
The licence of the data is not stated. `problem_id` starts anew in each split. A row:

    {"problem_id": 12, "problem": "What rings?", "data_type": "image_audio", "problem_type": "multiple choice",
     "options": ["A. A bell", "B. A phone"], "solution": "<answer>A</answer>",
     "path": {"image": "images/sample_12.jpg", "audio": "audios/sample_12.wav"}, "data_source": "OmniInstruct_v1-AVQA"}
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import find_files, inside, medium, picture_group, root_of
from tasks.reading.problem import read_problem
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_STEM = "omni_rl_format_"
_FILES = f"{_STEM}*.json"


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        split = posixpath.splitext(posixpath.basename(file))[0].removeprefix(_STEM)
        yield from convert(json_rows(folder, READER.name, file, f"{split}:"), partial(_example, folder, split))


def _example(folder: Folder, split: str, row: Row) -> Example:
    problem, (image, sound) = read_problem(row, READER.kinds), _paths(row)
    if (named := row.text("data_type")) != "image_audio":
        raise BadRow("unknown_media_type", f"data type {named[:80]!r}")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("problem_id"),
        licence=READER.licence,
        group=picture_group(folder, READER.name, image),
        question=problem.question,
        options=problem.options,
        answer_kind=problem.kind,
        answer=problem.answer,
        media=(medium("image", image), medium("audio", sound)),
        categories={"published_split": split, **row.labels(data_source="data_source")},
    )


def _paths(row: Row) -> tuple[str, str]:
    """Places of the picture and of the sound."""
    paths = row.fields.get("path")
    if not isinstance(paths, dict):
        raise BadRow("wrong_type", f"'path' is a {type(paths).__name__}, not an image and an audio")
    inner, root = row._replace(value=paths), root_of(row.file)
    return inside(row, root, inner.text("image")), inside(row, root, inner.text("audio"))


READER = Reader(
    name="avqa_r1",
    licence="not stated by the publisher",
    homepage="https://huggingface.co/datasets/harryhsing/AVQA-R1-6K",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("image", "audio"),
    verified="a description",
)
