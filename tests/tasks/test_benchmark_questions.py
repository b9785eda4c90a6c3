"""Benchmarks whose rows hold several questions about one video, and OmniBench's picture with its sound."""

import io
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_folders import examples, folder_of, lines_of, read, reject
from PIL import Image

from schemas.example import Example, Option, Reject
from schemas.values import UserError
from storage.folder import Folder

CUP = {
    "question": "What falls as the bell rings?",
    "question_type": "causal reasoning",
    "audio_type": "Sound",
    "reasoning_steps": [{"modality": "aduio", "evidece": "A bell at 1:02.", "inference": "Look there."}],
    "answer": "A cup",
    "options": ["A.A cup", "B. A plate", "C:A vase", "D A book"],
    "correct_option": "A",
}
VLOG = {"video": "video_9000", "video_type": "Vlog", "duration": "03:28", "questions": [CUP]}
BELL = {
    "uid": "9000",
    "question": "What hangs over the door?\n(A) A lamp\n(B) A bell\n(C) A sign\n(D) A wreath",
    "answer": "B",
    "question_type": ["entity recognition", "reasoning"],
    "time_reference": "00:15-00:19",
}
FILM = {"key": "-B3_dE-6hIj", "type": "documentary", "qa": [BELL], "video_info": {"duration_minutes": 61}}
TAXI = {
    "index": 9000,
    "task type": "Action and Activity",
    "audio type": "speech",
    "question": "What will she do next?",
    "options": ["Leave", "Sit down", "Sing", "Call a cab"],
    "answer": "Call a cab",
    "audio content": "Taxi, please!",
    "image content": "A woman stands at the kerb.",
}
Rows = list[Example | Reject]


def omnivideobench(tmp_path: Path, **changes: object) -> Rows:
    return read("omnivideobench", folder_of(tmp_path, {"data.json": [VLOG | {"questions": [CUP | changes]}]}))


def lvbench(tmp_path: Path, **changes: object) -> Rows:
    content = lines_of(FILM | {"qa": [BELL | changes]})
    return read("lvbench", folder_of(tmp_path, {"video_info.meta.jsonl": content}))


def picture(colour: str = "red") -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(kept, "PNG")
    return kept.getvalue()


def omnibench(tmp_path: Path, *rows: Mapping[str, object]) -> tuple[Folder, Rows]:
    inline = {"image": {"bytes": picture(), "path": None}, "audio": {"bytes": b"ID3....", "path": "0.mp3"}}
    (tmp_path / "dataset/data").mkdir(parents=True)
    table = pa.Table.from_pylist([{**inline, **row} for row in rows])
    pq.write_table(table, tmp_path / "dataset/data/train-00000-of-00001.parquet")
    folder = folder_of(tmp_path, {})
    return folder, read("omnibench", folder)


def test_omnivideobench_video_is_one_row_a_question(tmp_path: Path) -> None:
    more = [CUP, CUP | {"question": "And then?"}]
    rows = examples(read("omnivideobench", folder_of(tmp_path, {"data.json": [VLOG | {"questions": more}]})))
    assert [row.source_row for row in rows] == ["video_9000:0", "video_9000:1"]
    assert {row.group for row in rows} == {"omnivideobench/video_9000"}
    assert rows[0].media[0].path == "videos/video_9000.mp4"
    assert rows[0].categories == {
        "type": "causal reasoning",
        "audio_type": "Sound",
        "video_type": "Vlog",
        "duration": "1-5min",
    }


def test_video_that_comes_twice_keeps_its_questions_apart(tmp_path: Path) -> None:
    rows = examples(read("omnivideobench", folder_of(tmp_path, {"data.json": [VLOG, VLOG]})))
    assert [row.source_row for row in rows] == ["video_9000:0", "video_9000:1"]


def test_option_labels_in_four_styles_are_taken_off(tmp_path: Path) -> None:
    (row,) = examples(omnivideobench(tmp_path))
    assert [option.text for option in row.options] == ["A cup", "A plate", "A vase", "A book"]
    assert row.options[3] == Option(label="D", text="A book")


@pytest.mark.parametrize(
    "options",
    [
        ["A. calm", "B. proud", "A. sad", "B. shy"],
        ["A calm", "B proud", "A sad", "B shy"],
        ["A.calm", "B:proud", "A sad", "B. shy"],
    ],
)
@pytest.mark.parametrize(("letter", "reason"), [("A", "options_unclear"), ("D", "label_without_option")])
def test_repeated_option_labels_are_never_read_by_position(
    tmp_path: Path, options: list[str], letter: str, reason: str
) -> None:
    assert reject(omnivideobench(tmp_path, options=options, correct_option=letter, answer="")).reason == reason


@pytest.mark.parametrize("answer", ["A plate", "a plate.", "B", "B. A plate"])
def test_answer_that_is_another_option_than_the_letters_is_rejected(tmp_path: Path, answer: str) -> None:
    left_out = reject(omnivideobench(tmp_path, answer=answer))
    assert left_out.reason == "answer_conflict"
    assert "A cup" in left_out.detail and answer in left_out.detail


@pytest.mark.parametrize("answer", ["A cup", "a cup.", "The cup falls.", "", None])
def test_letter_decides_where_the_answer_is_no_other_option(tmp_path: Path, answer: object) -> None:
    (row,) = examples(omnivideobench(tmp_path, answer=answer))
    assert (row.answer, row.gold_text) == ("A", "A cup")


def test_answer_that_is_the_letters_text_and_another_letter_is_no_conflict(tmp_path: Path) -> None:
    options = ["A. B", "B. A", "C. D", "D. C"]
    (row,) = examples(omnivideobench(tmp_path, options=options, correct_option="A", answer="B"))
    assert row.gold_text == "B"


@pytest.mark.parametrize("steps", ["", None, [], [{"nmodality": "vsion,"}], 7])
def test_reasoning_steps_of_any_form_do_not_matter(tmp_path: Path, steps: object) -> None:
    (row,) = examples(omnivideobench(tmp_path, reasoning_steps=steps))
    assert (row.description, row.think) == ("", "")


@pytest.mark.parametrize(
    ("stated", "label"),
    [("00:59", "<1min"), ("05:00", "5-10min"), ("10:00", "10-20min"), ("75:10", ">20min"), ("1:00:01", ">20min")],
)
def test_stated_length_becomes_a_label(tmp_path: Path, stated: str, label: str) -> None:
    (row,) = examples(read("omnivideobench", folder_of(tmp_path, {"data.json": [VLOG | {"duration": stated}]})))
    assert row.categories["duration"] == label


@pytest.mark.parametrize("video", [7, {"video": "video_9000"}, {"video": "x", "questions": []}, {"questions": "text"}])
def test_video_without_questions_is_one_reject_and_not_lost(tmp_path: Path, video: object) -> None:
    left_out, kept = read("omnivideobench", folder_of(tmp_path, {"data.json": [video, VLOG]}))
    assert reject([left_out]).reason in ("missing_field", "wrong_type")
    assert reject([left_out]).source_row == "0"
    assert examples([kept])[0].source_row == "video_9000:0"


def test_question_that_is_no_object_is_rejected_under_its_number(tmp_path: Path) -> None:
    rows = read("omnivideobench", folder_of(tmp_path, {"data.json": [VLOG | {"questions": ["text", CUP]}]}))
    assert (reject(rows[:1]).source_row, reject(rows[:1]).reason) == ("video_9000:0", "wrong_type")
    assert examples(rows[1:])[0].source_row == "video_9000:1"


def test_lvbench_options_are_taken_out_of_the_question(tmp_path: Path) -> None:
    (row,) = examples(lvbench(tmp_path))
    assert row.question == "What hangs over the door?"
    assert [option.text for option in row.options] == ["A lamp", "A bell", "A sign", "A wreath"]
    assert (row.answer, row.source_id, row.source_row) == ("B", "9000", "-B3_dE-6hIj:0")


def test_lvbench_question_of_several_types_has_them_in_one_category(tmp_path: Path) -> None:
    (row,) = examples(lvbench(tmp_path))
    assert row.categories == {
        "type": "entity recognition,reasoning",
        "video_type": "documentary",
        "time_reference": "00:15-00:19",
    }


def test_lvbench_number_for_a_uid_is_the_same_id(tmp_path: Path) -> None:
    (row,) = examples(lvbench(tmp_path, uid=9000))
    assert row.source_id == "9000"


@pytest.mark.parametrize("name", ["videos/-B3_dE-6hIj.webm", "-B3_dE-6hIj.mkv", "-B3_dE-6hIj.mp4"])
def test_lvbench_videos_are_found_by_their_id(tmp_path: Path, name: str) -> None:
    (row,) = examples(read("lvbench", folder_of(tmp_path, {"video_info.meta.jsonl": lines_of(FILM), name: b"x"})))
    assert (row.media[0].path, row.group) == (name, "youtube/-B3_dE-6hIj")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": "What hangs over the door?"}, "too_few_options"),
        ({"question": "What?\n(A) A lamp\n(C) A bell"}, "options_unclear"),
        ({"answer": "E"}, "label_without_option"),
        ({"answer": None}, "missing_field"),
        ({"question": ["What?"]}, "wrong_type"),
    ],
)
def test_bad_lvbench_question_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    assert reject(lvbench(tmp_path, **changes)).reason == reason


def test_omnibench_row_is_read_from_columns_with_spaces(tmp_path: Path) -> None:
    folder, rows = omnibench(tmp_path, TAXI)
    (row,) = examples(rows)
    assert (row.answer, row.gold_text, row.source_id) == ("D", "Call a cab", "9000")
    assert (row.subtitles, row.description) == ("Taxi, please!", "A woman stands at the kerb.")
    assert row.categories == {"type": "Action and Activity", "audio_type": "speech"}
    image, sound = row.media
    assert (image.kind, image.path) == ("image", "image/train-00000-of-00001/0.png")
    assert (sound.kind, sound.path) == ("audio", "audio/train-00000-of-00001/0.mp3")
    assert folder.local(image.path).read_bytes() == picture()


def test_omnibench_options_keep_what_looks_like_a_label(tmp_path: Path) -> None:
    keys = ["A major", "B minor", "C major", "D minor"]
    (row,) = examples(omnibench(tmp_path, TAXI | {"options": keys, "answer": "C major"})[1])
    assert ([option.text for option in row.options], row.answer) == (keys, "C")


def test_omnibench_questions_about_one_picture_are_one_group(tmp_path: Path) -> None:
    other = TAXI | {"image": {"bytes": picture("blue"), "path": None}}
    first, second, third = examples(omnibench(tmp_path, TAXI, TAXI | {"index": 9001}, other)[1])
    assert first.group == second.group != third.group


def test_omnibench_lines_name_their_media_in_files(tmp_path: Path) -> None:
    line = TAXI | {"image_path": "9.png", "audio_path": "9.mp3"}
    files = {"dataset/batch-5_900.jsonl": lines_of(line), "mm_data/image/9.png": picture(), "mm_data/audio/9.mp3": b"x"}
    (row,) = examples(read("omnibench", folder_of(tmp_path, files)))
    assert [medium.path for medium in row.media] == ["mm_data/image/9.png", "mm_data/audio/9.mp3"]


def test_omnibench_picture_has_one_group_in_either_form(tmp_path: Path) -> None:
    line = TAXI | {"image_path": "9.png", "audio_path": "9.mp3"}
    files = {"batch-5_900.jsonl": lines_of(line), "mm_data/image/9.png": picture()}
    (named,) = examples(read("omnibench", folder_of(tmp_path / "lines", files)))
    (inline,) = examples(omnibench(tmp_path / "table", TAXI)[1])
    assert named.group == inline.group


def test_omnibench_rows_in_both_forms_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/batch-5_900.jsonl").write_text(lines_of(TAXI))
    assert len(examples(omnibench(tmp_path, TAXI)[1])) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": "Fly"}, "answer_not_in_options"),
        ({"options": ["Call a cab", "Call a cab"]}, "answer_unclear"),
        ({"audio": None}, "missing_field"),
        ({"image": {"bytes": b"", "path": "x"}}, "missing_field"),
    ],
)
def test_bad_omnibench_row_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    assert reject(omnibench(tmp_path, TAXI | changes)[1]).reason == reason


@pytest.mark.parametrize("path", ["../../../x.png", "9/../../../../x.png"])
def test_omnibench_path_that_leaves_the_folder_stops_the_run(tmp_path: Path, path: str) -> None:
    line = TAXI | {"image_path": path, "audio_path": "9.mp3"}
    with pytest.raises(UserError, match="leads out"):
        read("omnibench", folder_of(tmp_path, {"batch-5_900.jsonl": lines_of(line)}))
