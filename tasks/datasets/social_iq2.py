"""Social-IQ 2.0: four-option questions about social situations in one-minute YouTube clips.

Published in the challenge's repository under MIT, without the clips; a `.vtt` of what is said may lie in `transcript`.
`qa_train.json` and `qa_val.json` are JSON Lines; the second may be absent. `qa_test.json` is never read: it has no
answers, and most of its videos are those of the other two. Published ids repeat, so examples are named by line. `ts`
starts at 0 in every row and mostly ends with the clip, often past it: it is kept as a category and cuts nothing. A row:

    {"qid": "abcdefghijk_q1_0", "q": "Why does he wave?", "vid_name": "abcdefghijk", "ts": "0.00-60.0",
     "a0": "He leaves.", "a1": "He is angry.", "a2": "He is cold.", "a3": "He sings.", "answer_idx": 0,
     "ans_corr": "He leaves."}
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Option
from schemas.options import gold, letter
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import clip_group, find_files, medium, place, root_of
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows
from tasks.reading.subtitles import read_subtitles

_TRAIN, _VALIDATION = "qa_train.json", "qa_val.json"
_OPTIONS = ("a0", "a1", "a2", "a3")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _TRAIN) + find_files(folder, _VALIDATION):
        stem = posixpath.splitext(posixpath.basename(file))[0]
        rows = json_rows(folder, READER.name, file, f"{stem}:")
        yield from convert(rows, partial(_example, folder, stem.removeprefix("qa_")))


def _example(folder: Folder, split: str, row: Row) -> Example:
    video, root = row.text("vid_name"), root_of(row.file, "qa")
    options = letter(row.text(name) for name in _OPTIONS)
    path = place(row, folder, root, f"video/{video}.mp4", f"videos/{video}.mp4")
    transcript = place(row, folder, root, f"transcript/{video}.vtt")
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.text_or_empty("qid"),
        licence=READER.licence,
        group=clip_group("youtube", path),
        question=row.text("q"),
        options=options,
        answer_kind="choice",
        answer=_answer(row, options),
        media=(medium("video", path),),
        subtitles=read_subtitles(folder, transcript),
        categories={"published_split": split, **row.labels(time_reference="ts")},
    )


def _answer(row: Row, options: tuple[Option, ...]) -> str:
    label = gold("choice", row.whole_number("answer_idx"), options)
    text = next(option.text for option in options if option.label == label)
    if (stated := row.text_or_empty("ans_corr")) not in ("", text):
        raise BadRow("answer_conflict", f"answer_idx says {text[:100]!r}, ans_corr says {stated[:100]!r}")
    return label


READER = Reader(
    name="social_iq2",
    licence="MIT (questions); clips belong to their YouTube owners",
    homepage="https://github.com/abwilf/Social-IQ-2.0-Challenge",
    files=(_TRAIN,),
    rows=_read,
    kinds=("choice",),
    media=("video",),
    verified="real rows",
)
