"""WorldSense (honglyhly): 3,172 questions with three or four options about 1,662 clips with sound.

`worldsense_qa.json` is a mapping of clips, each with its tasks under the keys `task0` to `task4`; clips are
`videos/<clip>.mp4`, what is said `subtitles/<clip>.srt`. Licence CC BY 4.0. An invented sample:

    {"aB3_dE-6": {"video_id": "aB3_dE-6", "duration": "<1min", "domain": "Music", "sub_category": "Choir",
      "audio_class": ["Speech", "Music"], "video_caption": "A choir bows.", "task0": {"task_domain": "Recognition",
        "task_type": "Audio Counting", "question": "How many bells ring?", "answer": "B",
        "candidates": ["A. One", "B. Two", "C. Three"]}}}

Questions have no id of their own: they are named "<clip>_task0".
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial

from schemas.example import Example
from schemas.options import gold
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import find_files, medium, place, root_of
from tasks.reading.problem import read_choices
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import json_rows
from tasks.reading.subtitles import read_subtitles

_FILES = "worldsense_qa.json"
_TASK = re.compile(r"task[0-9]{1,3}")
_YOUTUBE = re.compile(r"[A-Za-z0-9_-]{11}")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(_tasks(json_rows(folder, READER.name, file)), partial(_example, folder))


def _tasks(clips: Iterable[Row]) -> Iterator[Row]:
    """One row a task, with its clip's fields; a clip without tasks stays one row, which will be left out."""
    for clip in clips:
        fields = clip.value if isinstance(clip.value, dict) else {}
        shared = {
            "video_id": clip.key,
            **{key: value for key, value in fields.items() if not _TASK.fullmatch(key)},
        }
        names = sorted((key for key in fields if _TASK.fullmatch(key)), key=lambda name: int(name[4:]))
        if not names:
            yield clip
        for name in names:
            task = fields[name]
            yield clip._replace(key=f"{clip.key}_{name}", value={**shared, **task} if isinstance(task, dict) else task)


def _example(folder: Folder, row: Row) -> Example:
    video, root = row.text("video_id"), root_of(row.file)
    options = read_choices(row.fields.get("candidates"))
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.key,
        licence=READER.licence,
        group=f"{'youtube' if _YOUTUBE.fullmatch(video) else 'worldsense'}/{video}",
        question=row.text("question"),
        options=options,
        answer_kind="choice",
        answer=gold("choice", row.text("answer"), options),
        media=(medium("video", place(row, folder, root, f"videos/{video}.mp4", f"{video}.mp4")),),
        subtitles=read_subtitles(folder, place(row, folder, root, f"subtitles/{video}.srt")),
        description=row.text_or_empty("video_caption"),
        categories=row.labels(
            type="task_type",
            task_domain="task_domain",
            domain="domain",
            sub_category="sub_category",
            duration="duration",
            audio_class="audio_class",
        ),
    )


READER = Reader(
    name="worldsense",
    licence="cc-by-4.0",
    homepage="https://huggingface.co/datasets/honglyhly/WorldSense",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("video",),
    verified="a description",
)
