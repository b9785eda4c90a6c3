"""IntentBench: one JSON array of three sources with different keys, videos flat in one folder."""

from collections.abc import Sequence
from pathlib import Path

from corpus.families import INTENTBENCH_TYPES
from corpus.layouts.emer import solution
from corpus.layouts.layout import Layout, lettered, write_json
from corpus.plan import Ask, Clip
from corpus.templates import gold, letters

FIRST_EMER = 1_000_000
"""EMER numbers start here, away from the training clips'."""


def files(clip: Clip) -> tuple[str, ...]:
    return (f"videos/{_video(clip)}",)


def write(folder: Path, clips: Sequence[Clip]) -> None:
    rows = [_row(clip, place, ask) for clip in clips for place, ask in enumerate(clip.asks)]
    write_json(folder / "qa.json", rows)


def _video(clip: Clip) -> str:
    name = clip.asks[0].name
    if name == "mood":
        return f"sample_{FIRST_EMER + clip.number:08d}.mp4"
    if name == "judge":
        return f"{clip.number:03d}-{clip.number % 24 + 1}-{clip.number % 23 + 1}.mp4"
    return f"{clip.video_id}_trimmed-out.mp4"


def _row(clip: Clip, place: int, ask: Ask) -> dict[str, object]:
    rows = {"mood": _emer, "judge": _mdpe}
    return rows[ask.name](clip, ask) if ask.name in rows else _socialiq(clip, place, ask)


def _socialiq(clip: Clip, place: int, ask: Ask) -> dict[str, object]:
    answer = letters(ask.name, clip.scene)
    return {
        "problem": ask.text,
        "problem_type": "multiple choice",
        "options": lettered(ask.options, space=""),
        "solution": f"<answer>{answer}</answer>",
        "answer": answer,
        "data_type": "video",
        "video": _video(clip),
        "qid": f"{clip.video_id}_q{place}_0",
        "Type": INTENTBENCH_TYPES[ask.name],
        "source": "Socialiq",
    }


def _mdpe(clip: Clip, ask: Ask) -> dict[str, object]:
    (answer,) = gold(ask.name, clip.scene)
    return {
        "Question order": str(clip.number % 24 + 1),
        "Question id": str(clip.number % 23 + 1),
        "Interviewer evaluation": "3",
        "Self evaluation of interviewee": "4" if answer == "Yes" else "0",
        "data_type": "video",
        "problem_type": "judge",
        "problem": ask.text,
        "video": _video(clip),
        "solution": f"<answer>{answer}</answer>",
        "answer": answer,
        "Type": INTENTBENCH_TYPES[ask.name],
        "source": "MDPE",
    }


def _emer(clip: Clip, ask: Ask) -> dict[str, object]:
    return {
        "problem": ask.text,
        "problem_type": "emer_ov_mc",
        "options": lettered(ask.options),
        "solution": solution(clip, ask),
        "answer": letters(ask.name, clip.scene),
        "data_type": "video",
        "clean_list": list(gold(ask.name, clip.scene)),
        "video": _video(clip),
        "Type": INTENTBENCH_TYPES[ask.name],
        "source": "EMER",
    }


LAYOUT = Layout(files, write)
