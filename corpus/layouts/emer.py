"""EMER as IntentTrain rewrites it: one JSON array of emotion questions, six options, one letter or more."""

from collections.abc import Sequence
from pathlib import Path

from corpus.captions import hear, see
from corpus.layouts.layout import Layout, lettered, write_json
from corpus.plan import Ask, Clip
from corpus.templates import gold, letters, reason


def files(clip: Clip) -> tuple[str, ...]:
    return (f"MER24/sample_{clip.number:08d}.mp4",)


def write(folder: Path, clips: Sequence[Clip]) -> None:
    write_json(folder / "emer_rewrite.json", [_row(clip, ask) for clip in clips for ask in clip.asks])


def solution(clip: Clip, ask: Ask) -> str:
    """Context, reasoning and answer in tags, as the publisher gives them."""
    context = f"<context>{see(clip.scene)} {hear(clip.scene)}</context>"
    think = f"<think>{reason(ask.name, clip.scene)}</think>"
    return f"{context}{think}<answer>{letters(ask.name, clip.scene)}</answer>"


def _row(clip: Clip, ask: Ask) -> dict[str, object]:
    (path,) = files(clip)
    return {
        "problem": ask.text,
        "problem_type": "emer_ov_mc",
        "options": lettered(ask.options),
        "solution": solution(clip, ask),
        "answer": letters(ask.name, clip.scene),
        "data_type": "video",
        "clean_list": list(gold(ask.name, clip.scene)),
        "video": path,
        "path": path,
    }


LAYOUT = Layout(files, write)
