"""MER2024-OV: every emotion word that annotators found for a film clip, made a choice of several of six.

Published in MERTools as `check-openset.csv`, for non-commercial use; the clips are the MER2024 challenge's and come
apart. `predict-openset.csv` beside it is what a baseline said and is never read. A row:

    name,openset
    sample_09000001,"['happy', 'relieved']"
"""

import ast
from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.emotions import QUESTION, emotion_choice
from tasks.reading.mer_clips import mer_clip
from tasks.reading.places import clip_group, find_files, medium
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import csv_rows

_FILES = "check-openset.csv"
_COLUMNS = ["name", "openset"]


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(csv_rows(folder, READER.name, file, "", _COLUMNS), partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    name, words = row.text("name"), _words(row.text("openset"))
    choice, clip = emotion_choice(row, words), mer_clip(folder, row, name, "ov_store")
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
        categories={"labels": ", ".join(words)},
    )


def _words(cell: str) -> list[str]:
    try:
        words = ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise BadRow("wrong_type", f"openset is no Python literal: {cell[:80]!r}") from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadRow("wrong_type", f"openset is no list of texts: {cell[:80]!r}")
    return words


READER = Reader(
    name="mer2024_ov",
    licence="non-commercial use under the MER2024 terms",
    homepage="https://github.com/zeroQiaoba/MERTools",
    files=(_FILES,),
    rows=_read,
    kinds=("multi_choice",),
    media=("video",),
    verified="real rows",
)
