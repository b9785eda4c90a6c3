"""IntentBench (PhilipC): 2,689 questions about intentions (Social-IQ), deception (MDPE) and emotions (EMER).

`qa.json` is one array with three layouts of row, told apart by `source`; the clips are `videos/<video>`, flat. The
clips are CC BY-NC-SA 4.0. Invented samples:

    {"problem": "Why does she wave?", "problem_type": "multiple choice", "options": ["A.To greet.", "B.To leave."],
     "solution": "<answer>B</answer>", "answer": "B", "data_type": "video", "video": "aB3_dE-6hIj_trimmed-out.mp4",
     "qid": "aB3_dE-6hIj_q2_0", "Type": "why", "source": "Socialiq"}
    {"Question id": "90", "problem": "Is he lying?", "problem_type": "judge", "solution": "<answer>No</answer>",
     "answer": "No", "data_type": "video", "video": "900-1-90.mp4", "Type": "deception", "source": "MDPE"}
    {"problem": "Which emotions?", "problem_type": "emer_ov_mc", "options": ["A. Calm", "B. Proud", "C. Sad"],
     "solution": "<context>He bows.</context><think>So he is proud.</think><answer>A,B</answer>", "answer": "A,B",
     "data_type": "video", "video": "sample_90000000.mp4", "Type": "emotion", "source": "EMER"}

Only Social-IQ's rows have an id of their own. Its clips are YouTube's and EMER's are MER2024's, so their groups are
those of the training sets with the same clips.
"""

from collections.abc import Iterator
from functools import partial

from schemas.example import Example
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import clip_group, find_files, medium, place, root_of
from tasks.reading.problem import read_problem
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "qa.json"
_NAMESPACES = {"Socialiq": "youtube", "MDPE": "mdpe", "EMER": "mer"}


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(json_rows(folder, READER.name, file), partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    problem, video, part = read_problem(row, READER.kinds), row.text("video"), row.text("source")
    if row.text_or_empty("data_type") not in ("", "video"):
        raise BadRow("unknown_media_type", f"data type {row.text('data_type')[:80]!r}")
    path = place(row, folder, root_of(row.file), f"videos/{video}", video)
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.label("qid") or row.label("Question id"),
        licence=READER.licence,
        group=clip_group(_NAMESPACES.get(part, part.lower()), path),
        question=problem.question,
        options=problem.options,
        answer_kind=problem.kind,
        answer=problem.answer,
        media=(medium("video", path),),
        categories=row.labels(type="Type", part="source"),
        context=problem.context,
        think=problem.think,
        provenance=problem.provenance,
    )


READER = Reader(
    name="intentbench",
    licence="CC BY-NC-SA 4.0 (clips)",
    homepage="https://huggingface.co/datasets/PhilipC/IntentBench",
    files=(_FILES,),
    rows=_read,
    kinds=("choice", "yes_no", "multi_choice"),
    media=("video",),
    verified="real rows",
)
