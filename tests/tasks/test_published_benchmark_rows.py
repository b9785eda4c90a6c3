"""The benchmarks' readers on real rows, where this checkout has them: each is an example, or rightly left out."""

import io
import json
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dataset_folders import examples, folder_of, lines_of, read, sample
from PIL import Image

from schemas.example import Example


def rows_in(name: str) -> list[dict[str, object]]:
    return json.loads(sample(name))


def read_table(tmp_path: Path, name: str, file: str, rows: list[dict[str, object]]) -> list[Example]:
    path = tmp_path / "dataset" / file
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return examples(read(name, folder_of(tmp_path, {})))


def test_every_real_question_of_omnivideobench_is_an_example(tmp_path: Path) -> None:
    videos = rows_in("omnivideobench.json")
    rows = examples(read("omnivideobench", folder_of(tmp_path, {"data.json": videos})))
    questions = [question for video in videos for question in video["questions"]]  # type: ignore[attr-defined]
    assert [row.question for row in rows] == [question["question"].strip() for question in questions]
    assert [row.answer for row in rows] == [question["correct_option"] for question in questions]
    assert all(len(row.options) == 4 and row.categories["duration"] for row in rows)


def test_every_real_question_of_video_holmes_is_an_example(tmp_path: Path) -> None:
    published = rows_in("video_holmes_pipeline_examples.json")
    rows = examples(read("video_holmes", folder_of(tmp_path, {"test_Video-Holmes.json": published})))
    assert [row.answer for row in rows] == [row["Answer"] for row in published]
    assert len({row.source_id for row in rows}) == len(rows) == 10
    assert all(len(row.options) == 6 for row in rows)


def test_every_real_question_of_mlvu_is_an_example(tmp_path: Path) -> None:
    files: defaultdict[str, list[object]] = defaultdict(list)
    for row in rows_in("mlvu_dev.json"):
        files[str(row.pop("_file"))].append(row)
    rows = examples(read("mlvu", folder_of(tmp_path, files)))
    published = [row for name in sorted(files) for row in files[name]]
    assert [row.gold_text for row in rows] == [str(row["answer"]).strip() for row in published]  # type: ignore[index]
    assert [row.answer_kind for row in rows] == ["choice"] * 14 + ["free_text"] * 4
    assert all(row.categories["duration"] for row in rows)


def test_real_questions_of_video_mme_are_examples_in_its_table(tmp_path: Path) -> None:
    flat = [
        {key: value for key, value in video.items() if key != "questions"}
        | {"videoID": f"id-{video['video_id']}"}
        | row
        for video in rows_in("videomme_template.json")
        for row in video["questions"]  # type: ignore[attr-defined]
    ]
    rows = read_table(tmp_path, "video_mme", "videomme/test-00000-of-00001.parquet", flat)
    assert [row.answer for row in rows] == [row["answer"] for row in flat]
    assert {row.group for row in rows} == {"youtube/id-001", "youtube/id-002", "youtube/id-003"}


def test_real_question_of_lvbench_is_an_example(tmp_path: Path) -> None:
    content = lines_of(*rows_in("lvbench_one_row.json"))
    (row,) = examples(read("lvbench", folder_of(tmp_path, {"video_info.meta.jsonl": content})))
    assert row.question.endswith("of the video?")
    assert [option.text for option in row.options] == ["1636", "1366", "1363", "1633"]
    assert (row.answer, row.source_id, row.group) == ("D", "55", "youtube/Cm73ma6Ibcs")


def test_real_question_of_omnibench_is_an_example(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    (published,) = rows_in("omnibench_one_row.json")
    media = {"image": {"bytes": picture.getvalue(), "path": None}, "audio": {"bytes": b"ID3....", "path": None}}
    (row,) = read_table(tmp_path, "omnibench", "data/train-00000-of-00001.parquet", [published | media])
    assert (row.answer, row.gold_text) == ("C", published["answer"])
    assert row.subtitles == published["audio content"]


def test_real_social_iq_clips_of_intentbench_are_named_as_youtube_names_them(tmp_path: Path) -> None:
    rows = examples(read("intentbench", folder_of(tmp_path, {"qa.json": sample("intentbench.json")})))
    clips = {row.group for row in rows if row.categories["part"] == "Socialiq"}
    assert {len(clip.removeprefix("youtube/")) for clip in clips} == {11}
