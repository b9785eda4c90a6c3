"""Social-IQ 2.0: JSON Lines named .json, four answers and an index, videos by YouTube id, WebVTT."""

import json
from collections.abc import Sequence
from pathlib import Path

from corpus.captions import vtt
from corpus.layouts.layout import Layout, write_json, write_text
from corpus.plan import Ask, Clip
from corpus.templates import gold

NO_TRANSCRIPT_EVERY = 7


def files(clip: Clip) -> tuple[str, ...]:
    return (f"video/{clip.video_id}.mp4",)


def write(folder: Path, clips: Sequence[Clip]) -> None:
    rows = [_row(clip, place, ask) for clip in clips for place, ask in enumerate(clip.asks)]
    write_text(folder / "qa/qa_train.json", "".join(json.dumps(row) + "\n" for row in rows))
    ids = [clip.video_id for clip in clips]
    nothing = {"train": [], "val": [], "test": []}
    subsets = {"youtubeclips": {**nothing, "train": ids}, "movieclips": nothing, "car": nothing}
    write_json(folder / "original_split.json", {"subsets": subsets})
    write_json(folder / "trims.json", {clip.video_id: float(clip.number % 90) for clip in clips})
    for clip in clips:
        if clip.number % NO_TRANSCRIPT_EVERY != 6 and clip.fault != "missing":
            write_text(folder / f"transcript/{clip.video_id}.vtt", vtt(clip.scene))


def _row(clip: Clip, place: int, ask: Ask) -> dict[str, object]:
    index = ask.options.index(gold(ask.name, clip.scene)[0])
    asked = 0 if clip.fault == "repeated_id" else place
    return {
        "qid": f"{clip.video_id}_q{asked}_0",
        "q": ask.text,
        "vid_name": clip.video_id,
        "ts": "0.00-2.000000",
        "ans_corr": ask.options[index],
        "answer_idx": index,
        "idx_types": ["corr" if option == index else "matched" for option in range(4)],
        **{f"a{option}": text for option, text in enumerate(ask.options)},
    }


LAYOUT = Layout(files, write)
