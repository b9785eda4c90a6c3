"""VideoVista_Train: questions of 27 tasks about parts of YouTube videos.

Published by Uni-MoE, with no licence stated, as one JSON array and a split archive of clips. A clip's name gives its
video and the seconds it was cut from, so the file is read whole. Conversations go turn by turn; some of their values
are no texts, and such a turn is left out. A row:

    {"id": "9", "video": "abcdefghijk.120t300.0.mp4", "Type": "Event Sequence", "conversations": [
     {"from": "human", "value": "<image>\\nWhat comes first?\\nA. Rain\\nB. Snow"},
     {"from": "gpt", "value": "B. Snow"}]}
"""

from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.conversation import conversation_turn, turns
from tasks.reading.places import find_files, medium, path_group, place, root_of
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "VideoVista_Train.json"


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(turns(json_rows(folder, READER.name, file)), partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    turn, video = conversation_turn(row), row.text("video")
    path = place(row, folder, root_of(row.file), f"VideoVista-Train-videos/{video}", f"videos/{video}", video)
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("id"),
        licence=READER.licence,
        group=path_group(READER.name, video),
        question=turn.question,
        options=turn.options,
        answer_kind=turn.kind,
        answer=turn.answer,
        media=(medium("video", path),),
        categories=row.labels(type="Type"),
    )


READER = Reader(
    name="videovista",
    licence="not stated by the publisher",
    homepage="https://huggingface.co/datasets/Uni-MoE/VideoVista_Train",
    files=(_FILES,),
    rows=_read,
    kinds=("choice", "free_text"),
    media=("video",),
    verified="a description",
)
