"""MLVU (JUNJIE99): questions about long videos, seven tasks with options and two answered in free text.

The dev split is nine arrays, `json/1_plotQA.json` to `json/9_summary.json`, with the videos in a folder of each
file's name, `video/1_plotQA/<video>`. The test split is `test_question.json` with an id and six candidates a row and
the videos in `video/`; it can be read where it was published with its answers. Licence CC BY-NC-SA 4.0. Invented
samples:

    {"video": "needle_900.mp4", "duration": 467.5, "question": "What does the red parrot carry?",
     "candidates": ["A key", "A ring", "A coin", "A leaf"], "answer": "A ring", "question_type": "findNeedle"}
    {"video": "subPlot_900.mp4", "duration": 900, "question": "Describe how the boat is saved.",
     "answer": "Two men throw a rope.", "question_type": "subPlot", "scoring_points": ["Two men throw a rope"]}

Candidates carry no labels, whatever they begin with. An answer is the text of one; a lone letter counts where none
has that text. `scoring_points` are the answer once more, in parts, so they are not read as a description.
"""

import posixpath
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Option
from schemas.options import gold, label_of
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.lengths import length_label
from tasks.reading.places import find_files, medium, path_group, place, root_of
from tasks.reading.problem import plain_choices
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_DEV = (
    "1_plotQA.json",
    "2_needle.json",
    "3_ego.json",
    "4_count.json",
    "5_order.json",
    "6_anomaly_reco.json",
    "7_topic_reasoning.json",
    "8_sub_scene.json",
    "9_summary.json",
)
_TEST = "test_question.json"
_FREE_TEXT = ("subPlot", "summary")


def _read(folder: Folder) -> Iterator[Pending]:
    for name in (*_DEV, _TEST):
        stem = posixpath.splitext(name)[0]
        for file in find_files(folder, name):
            rows = json_rows(folder, READER.name, file, f"{stem}:")
            yield from convert(rows, partial(_example, folder, "test" if name == _TEST else "dev"))


def _example(folder: Folder, split: str, row: Row) -> Example:
    question, video = row.text("question"), row.text("video")
    options = _options(row)
    length = length_label(row.fields.get("duration"))
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("question_id"),
        licence=READER.licence,
        group=path_group("mlvu", video),
        question=question,
        options=options,
        answer_kind="choice" if options else "free_text",
        answer=_answer(row, options),
        media=(medium("video", _place(folder, row, video)),),
        categories={"published_split": split, **row.labels(type="question_type")}
        | ({"duration": length} if length else {}),
    )


def _place(folder: Folder, row: Row, video: str) -> str:
    stem = posixpath.splitext(posixpath.basename(row.file))[0]
    root = root_of(row.file, "json", "data")
    return place(row, folder, root, f"video/{stem}/{video}", f"video/{video}", f"videos/{video}", video)


def _options(row: Row) -> tuple[Option, ...]:
    """The candidates of a choice; none for the two tasks answered in free text."""
    if row.text("question_type") not in _FREE_TEXT:
        return plain_choices(row.fields.get("candidates"))
    if row.fields.get("candidates"):
        raise BadRow("options_unclear", "candidates in a task that is answered in free text")
    return ()


def _answer(row: Row, options: tuple[Option, ...]) -> str:
    answer = row.text("answer")
    if not options:
        return answer
    verbatim = answer in {option.text for option in options}
    return label_of(answer, options) if verbatim else gold("choice", answer, options)


READER = Reader(
    name="mlvu",
    licence="CC BY-NC-SA 4.0",
    homepage="https://huggingface.co/datasets/MLVU/MVLU",
    files=(*_DEV, _TEST),
    rows=_read,
    kinds=("choice", "free_text"),
    media=("video",),
    verified="real rows",
)
