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
from tasks.reading.row import BadRow, Pending, Row, convert
from tasks.reading.rows import mapping_rows
from tasks.reading.subtitles import read_subtitles

_FILES = "worldsense_qa.json"
_TASK = re.compile(r"task[0-9]{1,3}")
_YOUTUBE = re.compile(r"[A-Za-z0-9_-]{11}")


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(_tasks(mapping_rows(folder, READER.name, file)), partial(_example, folder))


def _tasks(clips: Iterable[Row]) -> Iterator[Row]:
    """One row a task, its clip's fields around it; a clip without tasks stays one row, which will be left out."""
    for clip in clips:
        fields = clip.value if isinstance(clip.value, dict) else {}
        names = sorted((key for key in fields if _TASK.fullmatch(key)), key=lambda name: int(name[4:]))
        shared = {key: value for key, value in fields.items() if key not in names}
        if not names:
            yield clip
        for name in names:
            yield clip._replace(key=f"{clip.key}_{name}", value={**shared, name: fields[name]})


def _example(folder: Folder, row: Row) -> Example:
    task, root = _task(row), root_of(row.file)
    video, options = _video(row, task), read_choices(task.fields.get("candidates"))
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=row.key,
        licence=READER.licence,
        group=f"{'youtube' if _YOUTUBE.fullmatch(video) else 'worldsense'}/{video}",
        question=task.text("question"),
        options=options,
        answer_kind="choice",
        answer=gold("choice", task.text("answer"), options),
        media=(medium("video", place(row, folder, root, f"videos/{video}.mp4", f"{video}.mp4")),),
        subtitles=read_subtitles(folder, place(row, folder, root, f"subtitles/{video}.srt")),
        description=row.text_or_empty("video_caption"),
        categories=task.labels(type="task_type", task_domain="task_domain")
        | row.labels(domain="domain", sub_category="sub_category", duration="duration", audio_class="audio_class"),
    )


def _task(row: Row) -> Row:
    name = row.key.rpartition("_")[2]
    if name not in row.fields or not _TASK.fullmatch(name):
        raise BadRow("missing_field", "the clip has no task")
    return row._replace(value=row.fields[name])


def _video(row: Row, task: Row) -> str:
    """The clip that the key names, which its fields and its task may name again."""
    named = row.key.rpartition("_task")[0]
    again = [part.text_or_empty("video_id") or named for part in (row, task)]
    if other := [name for name in again if name != named]:
        raise BadRow("media_conflict", f"the key says {named[:80]!r}, video_id says {other[0][:80]!r}")
    return named


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
