"""EMER as IntentTrain rewrote it: which emotions a clip shows, several of six, with context and reasoning."""

from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Reject
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import clip_group, find_files, medium, place, root_of
from tasks.reading.problem import read_problem
from tasks.reading.row import BadRow, Row, convert
from tasks.reading.rows import json_rows

_FILES = "emer_rewrite.json"


def _read(folder: Folder) -> Iterator[Example | Reject]:
    for file in find_files(folder, _FILES):
        yield from convert(json_rows(folder, READER.name, file), partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    problem, video = read_problem(row), row.text_or_empty("video") or row.text("path")
    if row.text_or_empty("data_type") not in ("", "video"):
        raise BadRow("unknown_media_type", f"data type {row.text('data_type')[:80]!r}")
    path = place(row, folder, root_of(row.file), video, f"videos/{video}")
    return Example(
        id=row.id,
        source=row.source,
        source_revision="",
        source_row=row.key,
        source_id="",
        licence=READER.licence,
        group=clip_group("mer", path),
        question=problem.question,
        options=problem.options,
        answer_kind=problem.kind,
        answer=problem.answer,
        media=(medium("video", path),),
        categories={"type": "emotion"},
        context=problem.context,
        think=problem.think,
        provenance=problem.provenance,
    )


READER = Reader(
    name="emer",
    licence="academic use under the MER2024 terms",
    homepage="https://huggingface.co/datasets/PhilipC/IntentTrain",
    files=(_FILES,),
    rows=_read,
    kinds=("multi_choice",),
    media=("video",),
    verified="real rows",
)
