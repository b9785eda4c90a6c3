"""Video-MME (BradyFU): 2,700 four-option questions about 900 YouTube videos of 11 s to 1 h.

`videomme/test-*.parquet` holds the questions, `data/<videoID>.mp4` (also .MP4, .mkv) the videos and
`subtitle/<videoID>.srt` what is said in 744 of them. Academic use only, not to be redistributed. An invented sample:

    {"video_id": "901", "duration": "short", "domain": "Knowledge", "sub_category": "Geography",
     "url": "https://www.youtube.com/watch?v=aB3_dE-6hIj", "videoID": "aB3_dE-6hIj", "question_id": "901-1",
     "task_type": "Counting Problem", "question": "How many boats leave the harbour?",
     "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."], "answer": "C"}

`duration` is a label: short (below 2 min), medium, long (30 min and more). Early revisions have columns of other
names beside these. The template of the official repository, which nests questions by video and is there to be filled
in with responses, is not the data.
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from schemas.options import gold
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import find_files, medium, place, root_of, video_place
from tasks.reading.problem import read_choices
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import parquet_rows
from tasks.reading.subtitles import read_subtitles

_FILES = "test-*.parquet"
_COLUMNS = ["videoID", "question", "options", "answer"]
_MORE = ["question_id", "duration", "domain", "sub_category", "task_type"]


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        rows = parquet_rows(folder, READER.name, file, f"{stem}:", _COLUMNS, _MORE)
        yield from convert(rows, partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    video, root = row.text("videoID"), root_of(row.file, "videomme")
    options = read_choices(row.fields.get("options"))
    subtitles = place(row, folder, root, f"subtitle/{video}.srt", f"subtitles/{video}.srt")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("question_id"),
        licence=READER.licence,
        group=f"youtube/{video}",
        question=row.text("question"),
        options=options,
        answer_kind="choice",
        answer=gold("choice", row.text("answer"), options),
        media=(medium("video", video_place(row, folder, root, video, "data", "videos", "")),),
        subtitles=read_subtitles(folder, subtitles),
        categories=row.labels(
            type="task_type",
            duration="duration",
            domain="domain",
            sub_category="sub_category",
        ),
    )


READER = Reader(
    name="video_mme",
    licence="academic use only, no redistribution (stated by the publisher)",
    homepage="https://huggingface.co/datasets/lmms-lab/Video-MME",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("video",),
    verified="a description",
)
