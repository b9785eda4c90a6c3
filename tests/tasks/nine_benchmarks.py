"""A small folder of each of the nine benchmarks, in its publisher's layout, with real clips; the words are invented."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tests.training.clips import write_picture, write_sound, write_video

TEXTS = ["A red square", "A blue square", "A green square", "No square"]
LABELLED = [f"{label}. {text}" for label, text in zip("ABCD", TEXTS, strict=True)]
ASKED = "What moves to the right?"


class Clips(NamedTuple):
    """Files to be copied into the folders: two short clips, a long one, a sound and a picture."""

    red: Path
    blue: Path
    long: Path
    sound: Path
    picture: Path

    @classmethod
    def made(cls, folder: Path) -> "Clips":
        return cls(
            write_video(folder / "red.mp4", (220, 30, 30), 400),
            write_video(folder / "blue.mp4", (30, 30, 220), 1500),
            write_video(folder / "long.mp4", (220, 30, 30), 700, seconds=14),
            write_sound(folder / "tone.wav", 900),
            write_picture(folder / "red.png", (220, 30, 30)),
        )


def put(root: Path, name: str, content: object) -> None:
    """A file of a folder: a clip by its path, anything else as JSON, a list of lines as JSON Lines."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        path.write_bytes(content.read_bytes())
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in content))  # type: ignore[attr-defined]
    else:
        path.write_text(json.dumps(content))


def put_table(root: Path, name: str, rows: list[dict[str, object]]) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def intentbench(root: Path, clips: Clips) -> None:
    shared = {"data_type": "video", "qid": "900_q1_0"}
    social = {**shared, "source": "Socialiq", "Type": "what", "problem_type": "multiple choice"}
    rows = [
        social | {"problem": ASKED, "options": LABELLED, "answer": "A", "video": "aB3_dE-6hIj_trimmed-out.mp4"},
        shared
        | {"problem": "Does he lie?", "problem_type": "judge", "answer": "No", "video": "900-1-90.mp4"}
        | {"Type": "deception", "source": "MDPE"},
        shared
        | {"problem": "Which emotions?", "problem_type": "emer_ov_mc", "options": ["A. Glad", "B. Sad", "C. Calm"]}
        | {"answer": "A,C", "video": "sample_90000000.mp4", "Type": "emotion", "source": "EMER"},
    ]
    for row in rows:
        row["solution"] = f"<answer>{row['answer']}</answer>"
    put(root, "qa.json", rows)
    for row, clip in zip(rows, (clips.red, clips.blue, clips.red), strict=True):
        put(root, f"videos/{row['video']}", clip)


def daily_omni(root: Path, clips: Clips) -> None:
    names = {"Ec_lQgZ9wlg": clips.red, "-c_lQgZ9wlg": clips.blue}
    row = {"Question": ASKED, "Choice": LABELLED, "Answer": "A", "Type": "Event Sequence", "video_duration": "30s"}
    put(root, "qa.json", [row | {"video_id": name, "video_category": "Music"} for name in names])
    for name, clip in names.items():
        put(root, f"Videos/{name}/{name}_video.mp4", clip)
        put(root, f"Videos/{name}/{name}_audio.wav", clips.sound)


def worldsense(root: Path, clips: Clips) -> None:
    task = {"task_domain": "Recognition", "task_type": "Attribute Recognition", "question": ASKED}
    task |= {"answer": "A", "candidates": LABELLED}
    shared = {"domain": "Music", "video_duration": "2s", "duration": "<1min", "audio_class": ["Event"]}
    put(root, "worldsense_qa.json", {name: {"video_id": name, **shared, "task0": task} for name in ("aB1", "cD2")})
    put(root, "videos/aB1.mp4", clips.red)
    put(root, "videos/cD2.mp4", clips.blue)


def omnivideobench(root: Path, clips: Clips) -> None:
    question = {"question": ASKED, "question_type": "counting", "audio_type": "Sound", "reasoning_steps": []}
    question |= {"answer": TEXTS[0], "options": LABELLED, "correct_option": "A"}
    shared = {"video_type": "Vlog", "duration": "00:14", "questions": [question]}
    put(root, "data.json", [{"video": "video_9000", **shared}, {"video": "video_9001", **shared}])
    put(root, "videos/video_9000.mp4", clips.red)
    put(root, "videos/video_9001.mp4", clips.blue)


def video_holmes(root: Path, clips: Clips) -> None:
    names = {"-B3_dE-6hIj": clips.red, "cB3_dE-6hIj": clips.blue}
    options = {**dict(zip("ABCD", TEXTS, strict=True)), "E": "A ghost", "F": "A cook"}
    row = {"Question ID": 1, "Question Type": "SR", "Question": ASKED, "Options": options, "Answer": "A"}
    put(root, "test_Video-Holmes.json", [{"video ID": name, **row, "Explanation": "It is."} for name in names])
    for name, clip in names.items():
        put(root, f"videos_cropped/{name}.mp4", clip)


def video_mme(root: Path, clips: Clips) -> None:
    names = {"-B3_dE-6hIj": clips.red, "cB3_dE-6hIj": clips.long}
    shared: dict[str, object] = {"duration": "short", "domain": "Knowledge", "sub_category": "Geography"}
    shared |= {"task_type": "Counting Problem", "question": ASKED, "answer": "A"}
    rows: list[dict[str, object]] = [
        {
            **shared,
            "video_id": f"90{number}",
            "videoID": name,
            "question_id": f"90{number}-1",
            "options": LABELLED,
            "url": f"https://www.youtube.com/watch?v={name}",
        }
        for number, name in enumerate(names)
    ]
    put_table(root, "videomme/test-00000-of-00001.parquet", rows)
    for name, clip in names.items():
        put(root, f"data/{name}.mp4", clip)
    cue = '1\n00:00:00,000 --> 00:00:01,000\n<font color="white" size=".72c">It beeps</font>\n\n'
    (root / "subtitle").mkdir()
    (root / "subtitle/-B3_dE-6hIj.srt").write_text(cue)


def mlvu(root: Path, clips: Clips) -> None:
    needle = {"duration": 14, "question": ASKED, "candidates": TEXTS, "answer": TEXTS[0], "question_type": "findNeedle"}
    scene = {"duration": 14.5, "question": "Describe it.", "answer": "A red square moves.", "question_type": "subPlot"}
    rows = [{"video": f"needle_90{number}.mp4", **needle} for number in range(2)]
    put(root, "json/2_needle.json", rows)
    put(root, "json/8_sub_scene.json", [{"video": "subPlot_900.mp4", **scene, "scoring_points": ["It moves"]}])
    put(root, "video/2_needle/needle_900.mp4", clips.long)
    put(root, "video/2_needle/needle_901.mp4", clips.blue)
    put(root, "video/8_sub_scene/subPlot_900.mp4", clips.long)


def lvbench(root: Path, clips: Clips) -> None:
    inline = "".join(f"\n({label}) {text}" for label, text in zip("ABCD", TEXTS, strict=True))
    asked = {"uid": "9000", "question": ASKED + inline, "answer": "A", "time_reference": "00:03-00:06"}
    asked |= {"question_type": ["entity recognition", "reasoning"]}
    films = {"-B3_dE-6hIj": clips.long, "cB3_dE-6hIj": clips.red}
    shared = {"type": "documentary", "qa": [asked], "video_info": {"duration_minutes": 61}}
    put(root, "video_info.meta.jsonl", [{"key": name, **shared} for name in films])
    for name, clip in films.items():
        put(root, f"videos/{name}.mp4", clip)


def omnibench(root: Path, clips: Clips) -> None:
    media = {
        "image": {"bytes": clips.picture.read_bytes(), "path": None},
        "audio": {"bytes": clips.sound.read_bytes(), "path": "0.wav"},
    }
    row = {"index": 9000, "task type": "Object Identification", "audio type": "sound event", "question": ASKED}
    row |= {"options": TEXTS, "answer": TEXTS[0], "audio content": "It beeps.", "image content": "A square.", **media}
    put_table(root, "data/train-00000-of-00001.parquet", [row])


NINE: dict[str, Callable[[Path, Clips], None]] = {
    "intentbench": intentbench,
    "daily_omni": daily_omni,
    "worldsense": worldsense,
    "omnivideobench": omnivideobench,
    "video_holmes": video_holmes,
    "video_mme": video_mme,
    "mlvu": mlvu,
    "lvbench": lvbench,
    "omnibench": omnibench,
}
