"""Video-Holmes (TencentARC): six-option questions of seven kinds about 270 suspense short films.

`test_Video-Holmes.json` is an array with spaces in its keys; the films are `videos_cropped/<video ID>.mp4`, and some
copies hold .MP4, .mkv or .webm. Licence Apache-2.0 "for academic purpose only"; the films belong to their owners. An
invented sample:

    {"video ID": "aB3_dE-6hIj", "Question ID": 1, "Question Type": "SR", "Question": "Who is the man in grey?",
     "Options": {"A": "A guard", "B": "Her brother", "C": "A ghost", "D": "A doctor", "E": "A thief", "F": null},
     "Answer": "B", "Explanation": "Both carry the same locket."}

`Question ID` counts from 1 in each film of the publisher's examples, and whether it does in the test file is not
confirmed, so the id is the pair "<video ID>:<Question ID>".
`train_Video-Holmes.json` lies in the same folder and is training data: it is never read here. `Explanation` says why
the answer is right, so it is not read as a description.
"""

from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from schemas.options import gold
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import find_files, medium, root_of, video_place
from tasks.reading.problem import read_choices
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "test_Video-Holmes.json"


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(json_rows(folder, READER.name, file), partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    film, options = row.text("video ID"), read_choices(row.fields.get("Options"))
    path = video_place(row, folder, root_of(row.file), film, "videos_cropped", "videos", "")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=f"{film}:{row.label('Question ID')}",
        licence=READER.licence,
        group=f"youtube/{film}",
        question=row.text("Question"),
        options=options,
        answer_kind="choice",
        answer=gold("choice", row.text("Answer"), options),
        media=(medium("video", path),),
        categories={"published_split": "test", **row.labels(type="Question Type")},
    )


READER = Reader(
    name="video_holmes",
    licence="Apache-2.0, for academic purpose only (films belong to their owners)",
    homepage="https://huggingface.co/datasets/TencentARC/Video-Holmes",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("video",),
    verified="a quoted row",
)
