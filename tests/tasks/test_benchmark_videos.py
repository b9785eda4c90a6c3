"""Benchmarks with one row a question: rows in the publisher's layout, their quirks, and what is left out."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_folders import examples, folder_of, lines_of, read, reject

from schemas.example import Example, Option, Reject
from schemas.values import UserError

HOLMES = {
    "video ID": "-B3_dE-6hIj",
    "Question ID": 1,
    "Question Type": "SR",
    "Question": "Who is the man in grey?",
    "Options": {"A": "A guard", "B": "Her brother", "C": "A ghost", "D": "A doctor", "E": "A thief", "F": "A cook"},
    "Answer": "B",
    "Explanation": "Both carry the same locket.",
}
MME = {
    "video_id": "901",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Geography",
    "url": "https://www.youtube.com/watch?v=-B3_dE-6hIj",
    "videoID": "-B3_dE-6hIj",
    "question_id": "901-1",
    "task_type": "Counting Problem",
    "question": "How many boats leave the harbour?",
    "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."],
    "answer": "C",
}
NEEDLE = {
    "video": "needle_900.mp4",
    "duration": 467.5,
    "question": "What does the red parrot carry?",
    "candidates": ["A key", "A ring", "A coin", "A leaf"],
    "answer": "A ring",
    "question_type": "findNeedle",
}
SCENE = {
    "video": "subPlot_900.mp4",
    "duration": 5632.8,
    "question": "Describe how the boat is saved.",
    "answer": "Two men throw a rope.",
    "question_type": "subPlot",
    "scoring_points": ["Two men throw a rope"],
}

Rows = list[Example | Reject]


def holmes(tmp_path: Path, *, files: dict[str, object] | None = None, **changes: object) -> Rows:
    rows = {"test_Video-Holmes.json": [HOLMES | {key.replace("_", " "): value for key, value in changes.items()}]}
    return read("video_holmes", folder_of(tmp_path, rows | (files or {})))


def video_mme(tmp_path: Path, *rows: Mapping[str, object], files: dict[str, object] | None = None) -> Rows:
    (tmp_path / "dataset/videomme").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / "dataset/videomme/test-00000-of-00001.parquet")
    return read("video_mme", folder_of(tmp_path, files or {}))


def mlvu(tmp_path: Path, *, file: str = "json/2_needle.json", **changes: object) -> Rows:
    return read("mlvu", folder_of(tmp_path, {file: [NEEDLE | changes]}))


def test_video_holmes_row_is_read_by_keys_with_spaces(tmp_path: Path) -> None:
    (row,) = examples(holmes(tmp_path))
    assert (row.question, row.answer, row.gold_text) == ("Who is the man in grey?", "B", "Her brother")
    assert [option.label for option in row.options] == ["A", "B", "C", "D", "E", "F"]
    assert row.categories == {"type": "SR", "published_split": "test"}
    assert (row.group, row.media[0].path) == ("youtube/-B3_dE-6hIj", "videos_cropped/-B3_dE-6hIj.mp4")


def test_video_holmes_explanation_stays_out_of_the_example(tmp_path: Path) -> None:
    (row,) = examples(holmes(tmp_path))
    assert "locket" not in row.model_dump_json()


def test_video_holmes_null_options_are_no_options(tmp_path: Path) -> None:
    (row,) = examples(holmes(tmp_path, Options=HOLMES["Options"] | {"F": None, "C": None}))
    assert [option.label for option in row.options] == ["A", "B", "D", "E"]


def test_video_holmes_answer_with_a_null_option_is_rejected(tmp_path: Path) -> None:
    assert reject(holmes(tmp_path, Options=HOLMES["Options"] | {"B": None})).reason == "label_without_option"


@pytest.mark.parametrize("suffix", [".mp4", ".MP4", ".mkv", ".webm"])
def test_video_holmes_films_are_found_whatever_their_suffix(tmp_path: Path, suffix: str) -> None:
    name = f"videos_cropped/-B3_dE-6hIj{suffix}"
    (row,) = examples(holmes(tmp_path, files={name: b"x"}))
    assert row.media[0].path == name


def test_video_holmes_question_ids_that_start_anew_stay_different_rows(tmp_path: Path) -> None:
    rows = [HOLMES, HOLMES | {"video ID": "cB3_dE-6hIj"}]
    first, second = examples(read("video_holmes", folder_of(tmp_path, {"test_Video-Holmes.json": rows})))
    assert first.id != second.id
    assert (first.source_id, second.source_id) == ("-B3_dE-6hIj:1", "cB3_dE-6hIj:1")


def test_video_holmes_training_file_is_not_read(tmp_path: Path) -> None:
    (row,) = examples(holmes(tmp_path, files={"train_Video-Holmes.json": [HOLMES, HOLMES]}))
    assert row.source_row == "0"
    with pytest.raises(UserError, match="test_Video-Holmes"):
        read("video_holmes", folder_of(tmp_path / "other", {"train_Video-Holmes.json": [HOLMES]}))


def test_video_mme_row_becomes_an_example_with_its_video_and_categories(tmp_path: Path) -> None:
    (row,) = examples(video_mme(tmp_path, MME, files={"data/-B3_dE-6hIj.MP4": b"x"}))
    assert (row.source_row, row.source_id) == ("test-00000-of-00001:0", "901-1")
    assert (row.answer, row.gold_text, row.group) == ("C", "Three.", "youtube/-B3_dE-6hIj")
    assert row.media[0].path == "data/-B3_dE-6hIj.MP4"
    assert row.categories == {
        "type": "Counting Problem",
        "duration": "short",
        "domain": "Knowledge",
        "sub_category": "Geography",
    }


def test_video_mme_subtitles_lose_their_font_tags(tmp_path: Path) -> None:
    cue = '1\n00:00:01,000 --> 00:00:02,000\n<font color="white" size=".72c">Mind the gap</font>\n\n'
    (row,) = examples(video_mme(tmp_path, MME, files={"subtitle/-B3_dE-6hIj.srt": cue}))
    assert row.subtitles == "Mind the gap"


def test_video_mme_revision_with_other_columns_is_read(tmp_path: Path) -> None:
    early = {key: MME[key] for key in ("videoID", "question", "options", "answer")} | {"language": "en"}
    (row,) = examples(video_mme(tmp_path, early))
    assert (row.source_id, row.categories) == ("", {})


def test_video_mme_table_without_its_answers_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"test-00000-of-00001\.parquet has no column 'answer' \(it has "):
        video_mme(tmp_path, {key: value for key, value in MME.items() if key != "answer"})


def test_video_mme_template_is_not_the_data(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"test-\*\.parquet"):
        read("video_mme", folder_of(tmp_path, {"output_test_template.json": [{"questions": [MME]}]}))


def test_mlvu_answer_is_the_label_of_the_candidate_with_its_text(tmp_path: Path) -> None:
    (row,) = examples(mlvu(tmp_path))
    assert (row.answer, row.options[1]) == ("B", Option(label="B", text="A ring"))
    assert row.source_row == "2_needle:0"
    assert row.group == "mlvu/needle_900"
    assert row.categories == {"type": "findNeedle", "duration": "5-10min", "published_split": "dev"}


def test_mlvu_answer_that_is_no_candidate_is_rejected(tmp_path: Path) -> None:
    assert reject(mlvu(tmp_path, answer="Carrying a golden ring")).reason == "answer_not_in_options"


def test_mlvu_answer_that_is_two_candidates_is_rejected(tmp_path: Path) -> None:
    assert reject(mlvu(tmp_path, candidates=["A ring", "A key", "A ring"])).reason == "answer_unclear"


def test_mlvu_candidate_that_is_a_letter_is_meant_by_its_text(tmp_path: Path) -> None:
    (row,) = examples(mlvu(tmp_path, candidates=["B", "A", "D", "C"], answer="A"))
    assert row.answer == "B"


@pytest.mark.parametrize(
    ("texts", "answer", "label"),
    [
        (["A key", "B flat", "C ring", "D leaf"], "C ring", "C"),
        (["A. Smith", "B. Jones", "x", "y"], "B. Jones", "B"),
        (["A. Smith", "B. Jones", "x", "y"], "C", "C"),
    ],
)
def test_mlvu_candidates_keep_what_looks_like_a_label(
    tmp_path: Path, texts: list[str], answer: str, label: str
) -> None:
    (row,) = examples(mlvu(tmp_path, candidates=texts, answer=answer))
    assert ([option.text for option in row.options], row.answer) == (texts, label)


@pytest.mark.parametrize(("length", "label"), [(59, "<1min"), (60.0, "1-5min"), (1200, ">20min"), (32550.5, ">20min")])
def test_mlvu_lengths_are_whole_or_broken_seconds(tmp_path: Path, length: float, label: str) -> None:
    (row,) = examples(mlvu(tmp_path, duration=length))
    assert row.categories["duration"] == label


@pytest.mark.parametrize("length", [None, "", "soon", True, -1, [400]])
def test_mlvu_row_without_a_sensible_length_has_no_length_label(tmp_path: Path, length: object) -> None:
    (row,) = examples(mlvu(tmp_path, duration=length))
    assert "duration" not in row.categories


@pytest.mark.parametrize("kind", ["subPlot", "summary"])
def test_mlvu_task_without_candidates_is_answered_in_free_text(tmp_path: Path, kind: str) -> None:
    rows = read("mlvu", folder_of(tmp_path, {"json/8_sub_scene.json": [SCENE | {"question_type": kind}]}))
    (row,) = examples(rows)
    assert (row.answer_kind, row.answer, row.options) == ("free_text", "Two men throw a rope.", ())
    assert row.description == ""


def test_mlvu_choice_without_candidates_is_rejected(tmp_path: Path) -> None:
    assert reject(mlvu(tmp_path, candidates=None)).reason == "too_few_options"


def test_mlvu_videos_lie_in_the_folder_of_their_task(tmp_path: Path) -> None:
    files = {"json/2_needle.json": [NEEDLE], "video/2_needle/needle_900.mp4": b"x", "video/needle_900.mp4": b"y"}
    (row,) = examples(read("mlvu", folder_of(tmp_path, files)))
    assert row.media[0].path == "video/2_needle/needle_900.mp4"


def test_mlvu_files_are_read_in_order_under_different_ids(tmp_path: Path) -> None:
    files = {"json/9_summary.json": [SCENE], "json/2_needle.json": [NEEDLE], "json/1_plotQA.json": [NEEDLE]}
    rows = examples(read("mlvu", folder_of(tmp_path, files)))
    assert [row.source_row for row in rows] == ["1_plotQA:0", "2_needle:0", "9_summary:0"]


def test_mlvu_test_split_is_read_where_it_has_answers(tmp_path: Path) -> None:
    six = ["A key", "A ring", "A coin", "A leaf", "A nut", "A worm"]
    asked = NEEDLE | {"candidates": six, "question_id": "NQA_0"}
    rows = [asked | {"answer": "A worm"}, asked | {"answer": "F"}, {k: v for k, v in asked.items() if k != "answer"}]
    *kept, left_out = read("mlvu", folder_of(tmp_path, {"test_question.json": rows}))
    assert [(row.answer, row.source_id) for row in examples(kept)] == [("F", "NQA_0")] * 2
    assert reject([left_out]).reason == "missing_field"


def test_one_youtube_video_is_one_group_in_every_benchmark_and_in_training(tmp_path: Path) -> None:
    video = str(HOLMES["video ID"])
    asked = {"question": "Who?\n(A) She\n(B) He", "answer": "B"}
    task = {"question": "Who?", "candidates": ["A. She", "B. He"], "answer": "B"}
    choice = {"problem": "Who?", "problem_type": "multiple choice", "options": ["A.She", "B.He"], "answer": "B"}
    clip = {"data_type": "video", "path": f"./LLaVA-Video-178K/ytb_{video}.mp4"}
    files: dict[str, tuple[str, object]] = {
        "video_holmes": ("test_Video-Holmes.json", [HOLMES]),
        "lvbench": ("video_info.meta.jsonl", lines_of({"key": video, "qa": [asked]})),
        "daily_omni": (
            "qa.json",
            [{"Question": "Who?", "Choice": ["A. I", "B. He"], "Answer": "B", "video_id": video}],
        ),
        "worldsense": ("worldsense_qa.json", {video: {"video_id": video, "task0": task}}),
        "intentbench": ("qa.json", [choice | {"video": f"{video}_trimmed-out.mp4", "source": "Socialiq"}]),
        "video_r1": ("Video-R1-260k.json", [choice | clip]),
    }
    rows = video_mme(tmp_path / "video_mme", MME)
    for name, (file, content) in files.items():
        rows += read(name, folder_of(tmp_path / name, {file: content}))
    assert {row.group for row in examples(rows)} == {f"youtube/{video}"}
    assert len(rows) == 7


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_video_id_that_leaves_the_folder_stops_the_run(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="leads out"):
        holmes(tmp_path / "holmes", video_ID=path)
    with pytest.raises(UserError, match="leads out"):
        mlvu(tmp_path / "mlvu", video=f"../../{path}")
    with pytest.raises(UserError, match="leads out"):
        video_mme(tmp_path / "mme", MME | {"videoID": f"../{path}"})


def test_rejected_benchmark_row_is_kept_as_it_was(tmp_path: Path) -> None:
    assert json.loads(reject(mlvu(tmp_path, answer="Nothing")).row) == NEEDLE | {"answer": "Nothing"}
