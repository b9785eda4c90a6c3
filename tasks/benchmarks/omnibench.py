"""OmniBench (m-a-p): 1,142 four-option questions about one picture and one sound.

Published in two forms with the same rows: Parquet files with picture and sound inside, whose one split is named
`train` and is the test set, and `batch-*.jsonl` with file names (`image_path`, `audio_path`) in `mm_data/image` and
`mm_data/audio`; the Parquet files are read where both are there. The licence is not stated. An invented sample:

    {"index": 9000, "task type": "Action and Activity", "audio type": "speech", "question": "What will she do next?",
     "options": ["Leave", "Sit down", "Sing", "Call a cab"], "answer": "Call a cab", "audio content": "Taxi, please!",
     "image content": "A woman stands at the kerb.", "image": {"bytes": ...}, "audio": {"bytes": ...}}

Options carry no labels, whatever they begin with; the answer is the text of one. "audio content" is a transcript and
becomes the subtitles, "image content" is a model's caption and becomes the description.
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Media
from schemas.options import label_of
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.inline import keep_inline
from tasks.reading.places import find_files, medium, picture_group, place, root_of
from tasks.reading.problem import plain_choices
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import json_rows, parquet_rows

_TABLES, _LINES = "*.parquet", "batch-*.jsonl"
_COLUMNS = ["question", "options", "answer", "image", "audio"]
_MORE = ["index", "task type", "audio type", "audio content", "image content"]


def _read(folder: Folder) -> Iterator[Pending]:
    tables = find_files(folder, _TABLES)
    for file in tables or find_files(folder, _LINES):
        prefix = f"{posixpath.splitext(posixpath.basename(file))[0]}:"
        if tables:
            rows = parquet_rows(folder, READER.name, file, prefix, _COLUMNS, _MORE)
        else:
            rows = json_rows(folder, READER.name, file, prefix)
        yield from convert(rows, partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    options = plain_choices(row.fields.get("options"))
    question, answer = row.text("question"), label_of(row.text("answer"), options)
    image, sound = _files(folder, row) if "image_path" in row.fields else _inline(folder, row)
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("index"),
        licence=READER.licence,
        group=picture_group(folder, READER.name, image.path),
        question=question,
        options=options,
        answer_kind="choice",
        answer=answer,
        media=(image, sound),
        subtitles=row.text_or_empty("audio content"),
        description=row.text_or_empty("image content"),
        categories=row.labels(type="task type", audio_type="audio type"),
    )


def _inline(folder: Folder, row: Row) -> tuple[Media, Media]:
    image, sound, name = row.blob("image"), row.blob("audio"), row.key.replace(":", "/")
    return (
        medium("image", keep_inline(folder, f"image/{name}", image)),
        medium("audio", keep_inline(folder, f"audio/{name}", sound)),
    )


def _files(folder: Folder, row: Row) -> tuple[Media, Media]:
    image, sound, root = row.text("image_path"), row.text("audio_path"), root_of(row.file, "dataset")
    return (
        medium("image", place(row, folder, root, f"mm_data/image/{image}", f"dataset/mm_data/image/{image}")),
        medium("audio", place(row, folder, root, f"mm_data/audio/{sound}", f"dataset/mm_data/audio/{sound}")),
    )


READER = Reader(
    name="omnibench",
    licence="not stated by the publisher",
    homepage="https://huggingface.co/datasets/m-a-p/OmniBench",
    files=(_TABLES, _LINES),
    rows=_read,
    kinds=("choice",),
    media=("image", "audio"),
    verified="a quoted row",
)
