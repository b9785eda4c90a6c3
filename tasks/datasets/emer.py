"""EMER: people in short film clips, the emotions they show and the evidence for them, in two versions.

Published with AffectGPT for academic use; the clips are the MER challenges' and come apart. v1 (`gt-eng.csv`) names
emotions and argues for them: a choice of several of six, with the argument as its reasoning, because it ends in the
answer and so describes nothing. v2 (`final-EMER-reason.csv`) only describes: a question in free text. `gt-chi.csv`
says v1's rows again in Chinese and is never read, as emotion words are known in English. Rows:

    names,emotions,subtitles,reasons
    sample_09000001,happy,We won!,"He jumps and shouts, so he is happy."

    name,chinese,english
    sample_09000001,(Chinese),"A man jumps and shouts; his voice is bright."
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.emotions import QUESTION, emotion_choice
from tasks.reading.mer_clips import mer_clip
from tasks.reading.places import clip_group, find_files, medium
from tasks.reading.problem import published
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import csv_rows

_FIRST, _SECOND = "gt-eng.csv", "final-EMER-reason.csv"
_FIRST_COLUMNS = ["names", "emotions", "subtitles", "reasons"]
_SECOND_COLUMNS = ["name", "english"]
_EXPLAIN = "What does the person in the video feel, and what in their face, voice and words shows it?"
_BETWEEN = re.compile(r"[,;/]|\band\b")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FIRST):
        yield from convert(
            csv_rows(folder, READER.name, file, _prefix(file), _FIRST_COLUMNS), partial(_labelled, folder)
        )
    for file in find_files(folder, _SECOND):
        rows = csv_rows(folder, READER.name, file, _prefix(file), _SECOND_COLUMNS)
        yield from convert(rows, partial(_described, folder))


def _prefix(file: str) -> str:
    return f"{posixpath.splitext(posixpath.basename(file))[0]}:"


def _labelled(folder: Folder, row: Row) -> Example:
    name, emotions, reasons = row.text("names"), row.text("emotions"), row.text_or_empty("reasons")
    choice = emotion_choice(row, filter(str.strip, _BETWEEN.split(emotions)))
    clip = mer_clip(folder, row, name, "dataset-v1")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=name,
        licence=READER.licence,
        group=clip_group("mer", clip),
        question=QUESTION,
        options=choice.options,
        answer_kind="multi_choice",
        answer=choice.answer,
        media=(medium("video", clip),),
        subtitles=row.text_or_empty("subtitles"),
        categories={"part": "v1", "labels": emotions},
        think=reasons,
        provenance=published(think=reasons),
    )


def _described(folder: Folder, row: Row) -> Example:
    name = row.text("name")
    clip = mer_clip(folder, row, name, "dataset-v2")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=name,
        licence=READER.licence,
        group=clip_group("mer", clip),
        question=_EXPLAIN,
        answer_kind="free_text",
        answer=row.text("english"),
        media=(medium("video", clip),),
        categories={"part": "v2"},
    )


READER = Reader(
    name="emer",
    licence="academic use under the MER2023 terms",
    homepage="https://github.com/zeroQiaoba/AffectGPT",
    files=(_FIRST, _SECOND),
    rows=_read,
    kinds=("multi_choice", "free_text"),
    media=("video",),
    verified="real rows",
)
