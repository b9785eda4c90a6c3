"""Video-R1: one JSON array, options with letters, the reasoning and the answer in tags, paths from "./"."""

from collections.abc import Sequence
from pathlib import Path

from corpus.layouts.layout import Layout, lettered, write_json
from corpus.plan import Ask, Clip
from corpus.templates import gold, letters, reason

IMAGE_EVERY = 5
"""Of the colour questions, this many to one picture."""


def files(clip: Clip) -> tuple[str, ...]:
    return (_path(clip),)


def write(folder: Path, clips: Sequence[Clip]) -> None:
    write_json(folder / "Video-R1-COT-165k.json", [_row(clip, ask) for clip in clips for ask in clip.asks])


def _row(clip: Clip, ask: Ask) -> dict[str, object]:
    numerical = ask.name == "number"
    answer = gold(ask.name, clip.scene)[0] if numerical else letters(ask.name, clip.scene)
    return {
        "problem_id": 2 + clip.number,
        "problem": ask.text,
        "data_type": "image" if _is_image(clip) else "video",
        "problem_type": "numerical" if numerical else "multiple choice",
        "options": lettered(ask.options),
        "process": f"<think>{reason(ask.name, clip.scene)}</think>",
        "solution": f"<answer>{answer}</answer>",
        "path": f"./{_path(clip)}",
        "data_source": "General" if _is_image(clip) else "CLEVRER",
    }


def _path(clip: Clip) -> str:
    if _is_image(clip):
        return f"General/shapes/images/{clip.number}.jpg"
    return f"CLEVRER/video_train/video_{clip.number:05d}.mp4"


def _is_image(clip: Clip) -> bool:
    return clip.asks[0].name == "colour" and clip.fault == "none" and clip.number % IMAGE_EVERY == 0


LAYOUT = Layout(files, write)
