"""LVBench (THUDM): 1,549 four-option questions about 103 YouTube videos of half an hour to two hours.

`video_info.meta.jsonl` holds one line a video with its questions, whose options stand in the question's text; the
videos are fetched by their YouTube id, and their suffixes vary. Licence CC BY-NC-SA 4.0, academic. An invented
sample:

    {"key": "aB3_dE-6hIj", "type": "documentary", "video_info": {"duration_minutes": 61, "fps": 25}, "qa": [
      {"uid": "9000", "question": "What hangs over the door?\\n(A) A lamp\\n(B) A bell\\n(C) A sign\\n(D) A wreath",
       "answer": "B", "question_type": ["entity recognition", "reasoning"], "time_reference": "00:15-00:19"}]}

A question of several types counts in each of them officially; here its category names all, as "entity
recognition,reasoning".
"""

from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Option
from schemas.options import gold
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.inner_options import split_question
from tasks.reading.nested import nested_rows
from tasks.reading.places import find_files, medium, root_of, video_place
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "video_info.meta.jsonl"


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        questions = nested_rows(json_rows(folder, READER.name, file), "key", "qa")
        yield from convert(questions, partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    (question, options), video = _question(row), row.text("key")
    path = video_place(row, folder, root_of(row.file), video, "videos", "")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("uid"),
        licence=READER.licence,
        group=f"youtube/{video}",
        question=question,
        options=options,
        answer_kind="choice",
        answer=gold("choice", row.text("answer"), options),
        media=(medium("video", path),),
        categories=row.labels(type="question_type", video_type="type", time_reference="time_reference"),
    )


def _question(row: Row) -> tuple[str, tuple[Option, ...]]:
    question, options = split_question(row.text("question"))
    if not options:
        raise BadRow("too_few_options", "no options in the question's text")
    return question, options


READER = Reader(
    name="lvbench",
    licence="CC BY-NC-SA 4.0",
    homepage="https://huggingface.co/datasets/THUDM/LVBench",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("video",),
    verified="a quoted row",
)
