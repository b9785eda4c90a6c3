"""LLaVA-Video-178K: captions, open questions and multiple choice about clips of several video collections.

Published by lmms-lab, one JSON array for each collection, length and kind, in folders named for the collection; no
licence is stated on its stored pages. Clips lie at the root or in the collection's folder, as the archives were
unpacked. A conversation of several turns becomes one example a turn. Options stand in the human's turn:

    {"id": "1-2", "data_source": "0_30_s_nextqa", "video": "NextQA/NExTVideo/1/2.mp4", "conversations": [
     {"from": "human", "value": "<image>\\nWho sings?\\nOptions:\\nA. Nobody\\nB. A girl\\nPlease answer by letter."},
     {"from": "gpt", "value": "B. A girl"}]}
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.conversation import conversation_turn, turns
from tasks.reading.places import find_files, medium, path_group, place, root_of
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "*_processed.json"
_PARTS = {"mc": "multiple choice", "oe": "open-ended", "cap": "caption"}
_PART = re.compile(r"(?:^|_)(mc|oe|cap)(?=_)")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        rows = turns(json_rows(folder, READER.name, file, f"{stem}:"))
        yield from convert(rows, partial(_example, folder, stem))


def _example(folder: Folder, stem: str, row: Row) -> Example:
    turn, video, part = conversation_turn(row), row.text("video"), _part(stem)
    if part.get("part") == _PARTS["mc"] and not turn.options:
        raise BadRow("too_few_options", "a row of a multiple-choice file without options")
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
        media=(medium("video", _place(folder, row, video)),),
        categories={"file": stem, **part, **row.labels(data_source="data_source")},
    )


def _part(stem: str) -> dict[str, str]:
    match = _PART.search(stem)
    return {"part": _PARTS[match[1]]} if match else {}


def _place(folder: Folder, row: Row, video: str) -> str:
    """Below the folder around the collection's, or below that."""
    inner, outer = root_of(row.file), posixpath.dirname(root_of(row.file))
    collection = posixpath.basename(inner) or row.label("data_source")
    return place(row, folder, outer, video, f"{collection}/{video}")


READER = Reader(
    name="llava_video_178k",
    licence="not stated by the publisher",
    homepage="https://huggingface.co/datasets/lmms-lab/LLaVA-Video-178K",
    files=(_FILES,),
    rows=_read,
    kinds=("choice", "free_text"),
    media=("video",),
    verified="a quoted row",
)
