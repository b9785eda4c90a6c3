"""Daily-Omni: one JSON array with capitalised keys that come and go; picture and sound in separate files."""

from collections.abc import Sequence
from pathlib import Path

from corpus.families import CATEGORIES
from corpus.layouts.layout import Layout, lettered, write_json
from corpus.plan import Ask, Clip
from corpus.templates import TEMPLATES, letters, reason


def files(clip: Clip) -> tuple[str, ...]:
    stem = f"Videos/{clip.video_id}/{clip.video_id}"
    return (f"{stem}_video.mp4", f"{stem}_audio.wav")


def write(folder: Path, clips: Sequence[Clip]) -> None:
    write_json(folder / "qa.json", [_row(clip, ask) for clip in clips for ask in clip.asks])


def _row(clip: Clip, ask: Ask) -> dict[str, object]:
    return {
        "Question": ask.text,
        "Choice": lettered(ask.options),
        "Answer": letters(ask.name, clip.scene),
        "video_id": clip.video_id,
        "Type": CATEGORIES["daily_omni"][TEMPLATES[ask.name].family],
        **_content(clip, ask),
        "video_category": "Science & Technology",
        "video_duration": "60s" if clip.number % 3 == 1 else "30s",
    }


def _content(clip: Clip, ask: Ask) -> dict[str, object]:
    """Categories of a third of the clips, sentinels of the 60 s third, and neither for the last third."""
    if clip.number % 3 == 0:
        return {"content_parent_category": "Hobbies & Interests", "content_fine_category": "Toy Collections"}
    if clip.number % 3 == 1:
        return {
            "content_parent_category": "No content_parent_category provided",
            "content_fine_category": "No content_fine_category provided",
        }
    return {"Explaination": reason(ask.name, clip.scene)}


LAYOUT = Layout(files, write)
