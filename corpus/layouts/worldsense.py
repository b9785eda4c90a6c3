"""WorldSense: a JSON object keyed by video id, questions under task0, task1 .., three or four candidates."""

from collections.abc import Sequence
from pathlib import Path

from corpus.captions import hear, see, srt
from corpus.families import CATEGORIES
from corpus.layouts.layout import Layout, lettered, write_json, write_text
from corpus.plan import Ask, Clip
from corpus.templates import TEMPLATES, letters


def files(clip: Clip) -> tuple[str, ...]:
    return (f"videos/{clip.video_id}.mp4",)


def write(folder: Path, clips: Sequence[Clip]) -> None:
    write_json(folder / "worldsense_qa.json", {clip.video_id: _video(clip) for clip in clips})
    for clip in clips:
        if clip.number % 2 == 0:
            write_text(folder / f"subtitles/{clip.video_id}.srt", srt(clip.scene))


def _video(clip: Clip) -> dict[str, object]:
    return {
        "video_id": clip.video_id,
        "video_duration": "2s",
        "duration": "<1min",
        "domain": "Tech & Science",
        "sub_category": "Physics",
        "audio_class": ["Event", "Music"] if clip.number % 4 == 0 else ["Event"],
        "video_caption": f"{see(clip.scene)} {hear(clip.scene)}",
        **{f"task{place}": _task(clip, ask) for place, ask in enumerate(clip.asks)},
    }


def _task(clip: Clip, ask: Ask) -> dict[str, object]:
    family = TEMPLATES[ask.name].family
    return {
        "task_domain": "Understanding" if family == "joint" else "Recognition",
        "task_type": CATEGORIES["worldsense"][family],
        "question": ask.text,
        "answer": letters(ask.name, clip.scene),
        "candidates": lettered(ask.options),
    }


LAYOUT = Layout(files, write)
