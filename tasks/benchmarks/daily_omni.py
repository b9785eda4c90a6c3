"""Daily-Omni (liarliar): 1,197 four-option questions that need sight and sound together, about YouTube clips.

`qa.json` is an array; a clip of 30 s or 60 s is published as `Videos/<id>/<id>_video.mp4` and `<id>_audio.wav`, and
the WAV is a medium of the example where it is there. The publisher states no licence; a mirror says CC BY-NC-SA 4.0.
An invented sample:

    {"Question": "What is heard as the lid opens?", "Choice": ["A. A hiss", "B. A bell", "C. A dog", "D. Rain"],
     "Answer": "A", "video_id": "aB3_dE-6hIj", "Type": "AV Event Alignment",
     "content_parent_category": "No content_parent_category provided", "video_category": "Howto & Style",
     "video_duration": "30s", "Explaination": "The hiss comes with the lid."}

"No ... provided" is no category. `Explaination` says why the answer is right, so it is not read as a description.
"""

from collections.abc import Iterator
from functools import partial

from schemas.example import Example, Media
from schemas.options import gold
from storage.folder import Folder
from tasks.reader import Reader
from tasks.reading.places import find_files, medium, place, root_of
from tasks.reading.problem import read_choices
from tasks.reading.row import Pending, Row, convert
from tasks.reading.rows import json_rows

_FILES = "qa.json"


def _read(folder: Folder) -> Iterator[Pending]:
    for file in find_files(folder, _FILES):
        yield from convert(json_rows(folder, READER.name, file), partial(_example, folder))


def _example(folder: Folder, row: Row) -> Example:
    video = row.text("video_id")
    options = read_choices(row.fields.get("Choice"))
    return Example(
        id=row.id,
        source=row.source,
        source_revision=row.revision,
        source_row=row.key,
        source_id=video,
        licence=READER.licence,
        group=f"youtube/{video}",
        question=row.text("Question"),
        options=options,
        answer_kind="choice",
        answer=gold("choice", row.text("Answer"), options),
        media=_media(folder, row, video),
        categories=row.labels(
            type="Type",
            content_parent="content_parent_category",
            content_fine="content_fine_category",
            video_category="video_category",
            video_duration="video_duration",
        ),
    )


def _media(folder: Folder, row: Row, video: str) -> tuple[Media, ...]:
    root = root_of(row.file)
    clip = place(row, folder, root, f"Videos/{video}/{video}_video.mp4", f"{video}/{video}_video.mp4")
    sound = clip.removesuffix("_video.mp4") + "_audio.wav"
    return (medium("video", clip), medium("audio", sound)) if sound in folder else (medium("video", clip),)


READER = Reader(
    name="daily_omni",
    licence="CC BY-NC-SA 4.0 (as mirrored; not stated by the publisher)",
    homepage="https://huggingface.co/datasets/liarliar/Daily-Omni",
    files=(_FILES,),
    rows=_read,
    kinds=("choice",),
    media=("video", "audio"),
    verified="real rows",
)
