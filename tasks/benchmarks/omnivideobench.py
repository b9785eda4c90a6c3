"""OmniVideoBench (NJU-LINK): 1,000 four-option questions about 628 videos that need sight and sound together.

`data.json` is an array of videos, each with its questions; the videos are `videos/<video>.mp4`. Licence CC
BY-NC-SA 4.0, for research only. An invented sample:

    {"video": "video_9000", "video_type": "Vlog", "duration": "03:28", "questions": [
      {"question": "What falls as the bell rings?", "question_type": "causal reasoning", "audio_type": "Sound",
       "reasoning_steps": [{"modality": "audio", "evidence": "A bell at 1:02.", "inference": "Look there."}],
       "answer": "A cup", "options": ["A.A cup", "B. A plate", "C:A vase", "D A book"], "correct_option": "A"}]}

The letter decides, as in the official scoring, also where `answer` words it in its own way. Left out are questions
whose `answer` is another option than the letter's, and those whose labels repeat (A, B, A, B). `reasoning_steps`
explain the answer, so they are not read as a description.
"""

import re
from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Option
from schemas.options import given, gold
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.lengths import length_label
from tasks.reading.nested import nested_rows
from tasks.reading.places import find_files, medium, root_of, video_place
from tasks.reading.problem import read_choices
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "data.json"
_LABEL = re.compile(r"\s*([A-Z])(?:\s*[.:]|\s)")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        questions = nested_rows(json_rows(folder, READER.name, file), "video", "questions")
        yield from convert(questions, partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    question, video = row.text("question"), row.text("video")
    options = _options(row)
    path = video_place(row, folder, root_of(row.file), video, "videos", "")
    length = length_label(row.fields.get("duration"))
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.key,
        licence=READER.licence,
        group=f"omnivideobench/{video}",
        question=question,
        options=options,
        answer_kind="choice",
        answer=_answer(row, options),
        media=(medium("video", path),),
        categories=row.labels(type="question_type", audio_type="audio_type", video_type="video_type")
        | ({"duration": length} if length else {}),
    )


def _options(row: Row) -> tuple[Option, ...]:
    """The options, whose labels must differ: of two options A, the letter A says neither."""
    shipped = row.fields.get("options")
    marks = [_LABEL.match(text) for text in shipped if isinstance(text, str)] if isinstance(shipped, list) else []
    labels = [mark[1] for mark in marks if mark]
    if labels and len(labels) == len(marks) != len(set(labels)):
        known = row.text("correct_option") in labels
        raise BadRow("options_unclear" if known else "label_without_option", f"the options are labelled {labels}")
    return read_choices(shipped)


def _answer(row: Row, options: tuple[Option, ...]) -> str:
    label, stated = gold("choice", row.text("correct_option"), options), row.text_or_empty("answer")
    text = next(option.text for option in options if option.label == label)
    if stated != text and given("choice", stated, options) not in (None, label):
        raise BadRow("answer_conflict", f"correct_option says {text[:100]!r}, answer says {stated[:100]!r}")
    return label


READER = Reader(
    name="omnivideobench",
    licence="CC BY-NC-SA 4.0, research only",
    homepage="https://huggingface.co/datasets/NJU-LINK/OmniVideoBench",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("video",),
    verified="real rows",
)
