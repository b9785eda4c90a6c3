"""OmniInstruct: questions about one picture and one sound, inside the Parquet rows, in two layouts.

Published by m-a-p with no licence stated. `OmniInstruct_v1` has options without labels, and the answer is
the text of one; `OmniInstruct` has none, and its short answers are free text. They are told apart by the column
`options`. Rows:

    {"question": "What rings?", "options": ["A bell", "A phone"], "answer": "A bell", "image": {"bytes": ...},
     "audio": {"bytes": ...}, "audio_label": "ringing", "source": "AVQA"}

    {"question": "what is a man doing", "answer": "sing", "image": {"bytes": ...}, "audio": {"bytes": ...},
     "id": 7, "video_id": 3, "category_id": 2, "category": "music"}
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import AnswerKind, Example, Option
from schemas.options import label_of
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.inline import keep_inline
from tasks.reading.places import find_files, medium, picture_group
from tasks.reading.problem import plain_choices
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import parquet_rows

_FILES = "*.parquet"
_COLUMNS = ["question", "answer", "image", "audio"]
_MORE = ["options", "audio_label", "source", "id", "video_id", "category"]


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        rows = parquet_rows(folder, READER.name, file, f"{stem}:", _COLUMNS, _MORE)
        yield from convert(rows, partial(_example, folder, stem))


def _example(folder: Folder, stem: str, row: Row) -> Example:
    kind, options, answer = _answer(row)
    question, image, sound = row.text("question"), row.blob("image"), row.blob("audio")
    place = row.key.replace(":", "/")
    picture = keep_inline(folder, f"image/{place}", image)
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("id"),
        licence=READER.licence,
        group=f"omni_instruct/{video}"
        if (video := row.label("video_id"))
        else picture_group(folder, READER.name, picture),
        question=question,
        options=options,
        answer_kind=kind,
        answer=answer,
        media=(medium("image", picture), medium("audio", keep_inline(folder, f"audio/{place}", sound))),
        description=row.label("audio_label"),
        categories={"published_split": stem.split("-")[0], **row.labels(part="source", category="category")},
    )


def _answer(row: Row) -> tuple[AnswerKind, tuple[Option, ...], str]:
    """Kind, options and answer, as the file has options or not."""
    if "options" not in row.fields:
        return "free_text", (), row.text("answer")
    options = plain_choices(row.fields["options"])
    return "choice", options, label_of(row.text("answer"), options)


READER = Reader(
    name="omni_instruct",
    licence="not stated by the publisher",
    homepage="https://huggingface.co/datasets/m-a-p/OmniInstruct_v1",
    files=(_FILES,),
    rows=_read,
    kinds=("choice", "free_text"),
    media=("image", "audio"),
    verified="a description",
)
