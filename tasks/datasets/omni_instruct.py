"""OmniInstruct v1: multiple-choice questions about one picture and one sound, inside the Parquet rows."""

import hashlib
import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Reject
from schemas.options import label_of
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.inline import keep_inline
from tasks.reading.places import find_files, medium
from tasks.reading.problem import read_choices
from tasks.reading.row import Row, convert
from tasks.reading.rows import parquet_rows

_FILES = "*.parquet"
_COLUMNS = ["question", "options", "answer", "image", "audio", "audio_label", "source"]


def _read(folder: Folder) -> Iterator[Example | Reject]:
    for file in find_files(folder, _FILES):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        rows = parquet_rows(folder, READER.name, file, f"{stem}:", _COLUMNS)
        yield from convert(rows, partial(_example, folder, stem))


def _example(folder: Folder, stem: str, row: Row) -> Example:
    options = read_choices(row.fields.get("options"))
    answer = label_of(row.text("answer"), options)
    image, sound, name = row.blob("image"), row.blob("audio"), row.key.replace(":", "/")
    return Example(
        id=row.id,
        source=row.source,
        source_revision="",
        source_row=row.key,
        source_id="",
        licence=READER.licence,
        group=f"omni_instruct/{hashlib.sha256(image).hexdigest()[:16]}",
        question=row.text("question"),
        options=options,
        answer_kind="choice",
        answer=answer,
        media=(
            medium("image", keep_inline(folder, f"image/{name}", image)),
            medium("audio", keep_inline(folder, f"audio/{name}", sound)),
        ),
        description=row.label("audio_label"),
        categories={"published_split": stem.split("-")[0], **row.labels(part="source")},
    )


READER = Reader(
    name="omni_instruct",
    licence="not stated by the publisher",
    homepage="https://huggingface.co/datasets/m-a-p/OmniInstruct_v1",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("image", "audio"),
    verified="a description",
)
