"""The made corpus as files: same bytes whatever the workers, every publisher's form, its known oddities."""

import hashlib
import json
import re
from pathlib import Path

import av
import av.error
import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from corpus.families import CATEGORY_FIELDS, FAMILIES
from corpus.layouts import LAYOUTS
from corpus.make import CorpusParams, make_corpus
from corpus.plan import plan_corpus

PARAMS = CorpusParams(seed=5, train_questions=36, benchmark_questions=36)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    make_corpus(folder, PARAMS, workers=2)
    return folder


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _json(path: Path) -> list[dict]:
    return json.loads(path.read_text())


def test_same_seed_gives_the_same_bytes_with_another_number_of_workers(corpus: Path, tmp_path: Path) -> None:
    make_corpus(tmp_path, PARAMS, workers=1)
    assert _digests(tmp_path) == _digests(corpus)


def test_another_seed_gives_other_clips(corpus: Path, tmp_path: Path) -> None:
    make_corpus(tmp_path, CorpusParams(seed=6, train_questions=12, benchmark_questions=12), workers=1)
    clips = {path: digest for path, digest in _digests(tmp_path).items() if path.endswith(".mp4")}
    assert clips and not set(clips.values()) & set(_digests(corpus).values())


def test_clip_has_two_seconds_of_picture_and_sound(corpus: Path) -> None:
    with av.open(str(next((corpus / "train/emer/MER24").iterdir()))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 56, 56)
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 16_000)
        assert float(video.average_rate or 0) == 12
        assert container.duration == pytest.approx(2_000_000, rel=0.01)
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio)])
    assert np.mean(sound == 0) < 0.001


def test_video_r1_rows_point_at_their_files(corpus: Path) -> None:
    folder = corpus / "train/video_r1"
    rows = _json(folder / "Video-R1-COT-165k.json")
    assert {row["problem_type"] for row in rows} == {"multiple choice", "numerical"}
    assert all(row["path"].startswith("./") and (folder / row["path"]).is_file() for row in rows)
    assert all(re.fullmatch(r"<answer>([A-D]|\d)</answer>", row["solution"]) for row in rows)
    assert all(re.fullmatch(r"<think>.+</think>", row["process"]) for row in rows)


def test_video_r1_has_a_picture_in_a_corpus_of_the_default_size(tmp_path: Path) -> None:
    clips = plan_corpus(0, 420, 330).train["video_r1"]
    LAYOUTS["video_r1"].write(tmp_path, clips)
    rows = _json(tmp_path / "Video-R1-COT-165k.json")
    assert 3 <= sum(row["data_type"] == "image" for row in rows) <= 20


def test_video_r1_has_a_silent_clip_and_an_undecodable_one(corpus: Path) -> None:
    silent, broken = 0, 0
    for path in (corpus / "train/video_r1").rglob("*.mp4"):
        try:
            with av.open(str(path)) as container:
                silent += not container.streams.audio
        except av.error.FFmpegError:
            broken += 1
    assert (silent, broken) == (1, 1)


def test_social_iq_is_json_lines_with_a_repeated_id_and_a_missing_video(corpus: Path) -> None:
    folder = corpus / "train/social_iq2"
    rows = [json.loads(line) for line in (folder / "qa/qa_train.json").read_text().splitlines()]
    assert all(row[f"a{row['answer_idx']}"] == row["ans_corr"] for row in rows)
    assert all(row["idx_types"][row["answer_idx"]] == "corr" for row in rows)
    ids = [row["qid"] for row in rows]
    assert len(ids) - len(set(ids)) == 1
    assert len({(row["qid"], row["q"]) for row in rows}) == len(rows)
    videos = {row["vid_name"] for row in rows}
    assert len({video for video in videos if not (folder / f"video/{video}.mp4").exists()}) == 1
    assert any(video.startswith("-") for video in videos)
    trims = json.loads((folder / "trims.json").read_text())
    split = json.loads((folder / "original_split.json").read_text())
    assert set(trims) == set(split["subsets"]["youtubeclips"]["train"]) == videos


def test_social_iq_captions_keep_inline_tags_and_repeat_lines(corpus: Path) -> None:
    text = next((corpus / "train/social_iq2/transcript").glob("*.vtt")).read_text()
    assert text.startswith("WEBVTT") and re.search(r"<00:00:00\.\d{3}><c> \w+</c>", text)
    lines = [line for line in text.splitlines() if line and "-->" not in line]
    assert len(lines) > len(set(lines))


def test_emer_rows_have_six_options_and_some_two_letters(corpus: Path) -> None:
    rows = _json(corpus / "train/emer/emer_rewrite.json")
    for row in rows:
        texts = {option[0]: option[3:] for option in row["options"]}
        assert len(texts) == 6 and {texts[letter] for letter in row["answer"].split(",")} == set(row["clean_list"])
        assert row["solution"].endswith(f"<answer>{row['answer']}</answer>") and row["path"] == row["video"]
    assert any("," in row["answer"] for row in rows)


def test_omni_instruct_opens_with_datasets_and_decodes_its_pictures(corpus: Path, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(
        "parquet",
        data_files=str(corpus / "train/omni_instruct/data/train-*.parquet"),
        split="train",
        cache_dir=str(tmp_path),
    )
    loaded = loaded.cast_column("audio", datasets.Audio(decode=False))
    row = loaded[0]
    assert isinstance(row["image"], Image.Image) and row["image"].size == (56, 56)
    assert row["audio"]["bytes"][:4] == b"RIFF" and row["answer"] in row["options"]


def test_omni_instruct_answers_are_option_texts(corpus: Path) -> None:
    table = pq.read_table(corpus / "train/omni_instruct/data/train-00000-of-00001.parquet")
    assert all(row["answer"] in row["options"] for row in table.select(["answer", "options"]).to_pylist())


def test_intentbench_has_three_parts_with_their_own_keys(corpus: Path) -> None:
    rows = _json(corpus / "benchmarks/intentbench/qa.json")
    by_source = {source: [row for row in rows if row["source"] == source] for source in ("Socialiq", "MDPE", "EMER")}
    assert all(re.match(r"[A-D]\.\S", option) for row in by_source["Socialiq"] for option in row["options"])
    assert all("options" not in row and row["answer"] in ("Yes", "No") for row in by_source["MDPE"])
    assert all(len(row["options"]) == 6 for row in by_source["EMER"])
    assert all(row["solution"].endswith(f"<answer>{row['answer']}</answer>") for row in rows)


def test_every_benchmark_category_has_a_family(corpus: Path) -> None:
    intent = _json(corpus / "benchmarks/intentbench/qa.json")
    daily = _json(corpus / "benchmarks/daily_omni/qa.json")
    world = json.loads((corpus / "benchmarks/worldsense/worldsense_qa.json").read_text())
    tasks = [task for video in world.values() for key, task in video.items() if key.startswith("task")]
    for benchmark, rows in (("intentbench", intent), ("daily_omni", daily), ("worldsense", tasks)):
        assert {row[CATEGORY_FIELDS[benchmark]] for row in rows} <= set(FAMILIES[benchmark])


def test_daily_omni_has_video_and_sound_side_by_side(corpus: Path) -> None:
    folder = corpus / "benchmarks/daily_omni"
    rows = _json(folder / "qa.json")
    for row in rows:
        stem = folder / "Videos" / row["video_id"] / row["video_id"]
        assert Path(f"{stem}_video.mp4").is_file() and Path(f"{stem}_audio.wav").is_file()
    parents = {row.get("content_parent_category") for row in rows}
    assert None in parents and "No content_parent_category provided" in parents and len(parents) == 3


def test_worldsense_pitch_questions_have_three_candidates(corpus: Path) -> None:
    folder = corpus / "benchmarks/worldsense"
    videos = json.loads((folder / "worldsense_qa.json").read_text())
    tasks = [task for video in videos.values() for key, task in video.items() if key.startswith("task")]
    assert {len(task["candidates"]) for task in tasks} == {3, 4}
    subtitled = [video for video in videos if (folder / f"subtitles/{video}.srt").exists()]
    assert 0 < len(subtitled) < len(videos)
