"""Each reader on rows in its publisher's form: what becomes of a good row, and of a bad one."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_folders import READERS, examples, folder_of, lines_of, read, reject
from PIL import Image

from schemas.example import Example, Media, Option, Reject
from schemas.values import UserError
from storage.folder import Folder
from tasks.reader import REASONS

VIDEO_R1 = {
    "problem_id": 2,
    "problem": "What is shown?",
    "data_type": "video",
    "problem_type": "multiple choice",
    "options": ["A. A cat", "B. A dog"],
    "process": "<think>It barks.</think>",
    "solution": "<answer>B</answer>",
    "path": "./LLaVA-Video-178K/videos/ytb_7nRmsEw7nsE.mp4",
    "data_source": "LLaVA-Video-178K/30_60_s_youtube_v0_1",
}
SOCIAL_IQ = {
    "qid": "-b8xt2PeE01_q3_0",
    "q": "How does he react?",
    "vid_name": "-b8xt2PeE01",
    "ts": "0.00-60.060000",
    "ans_corr": "He nods.",
    "answer_idx": 2,
    "a0": "He laughs.",
    "a1": "A man sings.",
    "a2": "He nods.",
    "a3": "He leaves.",
}
EMER = {
    "problem": "Which emotions?",
    "problem_type": "emer_ov_mc",
    "options": ["A. Urgent", "B. Happy", "C. Relaxed"],
    "solution": "<context>A man smiles.</context><think>So he is glad.</think><answer>B,C</answer>",
    "answer": "B,C",
    "data_type": "video",
    "clean_list": ["Happy", "Relaxed"],
    "video": "MER24/sample_00000007.mp4",
    "path": "MER24/sample_00000007.mp4",
}
INTENT = {
    "problem": "Why?",
    "problem_type": "multiple choice",
    "options": ["A.The man left.", "B.Nobody knows."],
    "solution": "<answer>B</answer>",
    "answer": "B",
    "data_type": "video",
    "video": "-b8xt2PeE01_trimmed-out.mp4",
    "qid": "-b8xt2PeE01_q2_10",
    "Type": "why",
    "source": "Socialiq",
}
DAILY = {
    "Question": "What came first?",
    "Choice": ["A. A → B", "B. 'B' → A"],
    "Answer": "B",
    "video_id": "-c_lQgZ9wlg",
    "Type": "Event Sequence",
    "content_parent_category": "No content_parent_category provided",
    "video_category": "Howto & Style",
    "video_duration": "60s",
}
TASK = {"task_type": "Audio Counting", "task_domain": "Recognition", "question": "How many?", "answer": "C"}
CANDIDATES = ["A. One", "B. Two", "C. Three"]
SENSE = {
    "video_id": "aBcD1234",
    "domain": "Music",
    "audio_class": ["Speech", "Music"],
    "video_caption": "Three bells.",
    "task0": TASK | {"candidates": CANDIDATES},
    "task10": TASK | {"candidates": CANDIDATES, "answer": "A"},
    "task2": TASK | {"candidates": CANDIDATES, "answer": "B"},
}


Rows = list[Example | Reject]


def read_one(tmp_path: Path, name: str, file: str, row: object, **changes: object) -> Rows:
    changed = row | changes if isinstance(row, dict) else row
    return read(name, folder_of(tmp_path, {file: [changed]}))


def video_r1(tmp_path: Path, **changes: object) -> Rows:
    return read_one(tmp_path, "video_r1", "Video-R1-COT-165k.json", VIDEO_R1, **changes)


def intentbench(tmp_path: Path, **changes: object) -> Rows:
    return read_one(tmp_path, "intentbench", "qa.json", INTENT, **changes)


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (4, 4)).save(kept, "PNG")
    return kept.getvalue()


def omni_instruct(tmp_path: Path, **changes: object) -> tuple[Folder, Rows]:
    row = {
        "question": "What barks?",
        "options": ["A dog", "A cat"],
        "answer": "A cat",
        "image": {"bytes": picture(), "path": None},
        "audio": {"bytes": b"RIFF....WAVE", "path": "x.wav"},
        "audio_label": "barking",
        "source": "AVQA",
    }
    (tmp_path / "dataset/data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row | changes]), tmp_path / "dataset/data/train-00000-of-00001.parquet")
    folder = folder_of(tmp_path, {})
    return folder, read("omni_instruct", folder)


def test_video_r1_row_becomes_an_example_with_its_reasoning(tmp_path: Path) -> None:
    (row,) = examples(video_r1(tmp_path))
    assert (row.id, row.source_id) == ("video_r1/Video-R1-COT-165k:0", "2")
    assert row.group == "youtube/7nRmsEw7nsE"
    assert row.media == (Media(kind="video", digest="", path=VIDEO_R1["path"].removeprefix("./")),)
    assert (row.answer_kind, row.answer, row.gold_text) == ("choice", "B", "A dog")
    assert (row.context, row.think) == ("", "It barks.")
    assert [(made.field, made.provider) for made in row.provenance] == [("think", "publisher")]


@pytest.mark.parametrize(
    ("kind", "solution", "read_as"),
    [
        ("numerical", "<answer>1,200.50</answer>", ("number", "1200.5")),
        ("regression", "<answer>3 m</answer>", ("regression", "3")),
        ("OCR", "<answer>EXIT 5</answer>", ("ocr", "EXIT 5")),
        ("free-form", "<answer>A red car.</answer>", ("free_text", "A red car.")),
    ],
)
@pytest.mark.parametrize("options", [None, []])
def test_video_r1_rows_without_options_are_read(
    tmp_path: Path, kind: str, solution: str, read_as: tuple[str, str], options: object
) -> None:
    (row,) = examples(video_r1(tmp_path, problem_type=kind, solution=solution, options=options))
    assert (row.answer_kind, row.answer) == read_as
    assert row.options == ()


@pytest.mark.parametrize("written", ["5 thousand", "5,000"])
def test_magnitude_of_a_number_is_kept(tmp_path: Path, written: str) -> None:
    (row,) = examples(video_r1(tmp_path, problem_type="numerical", solution=f"<answer>{written}</answer>"))
    assert row.answer == "5000"


def test_video_r1_pictures_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    (row,) = examples(video_r1(tmp_path, data_type="image", path="./Knowledge/ArxivQA/images/1702.jpg"))
    assert row.media[0].kind == "image"
    assert row.group == "video_r1/Knowledge/ArxivQA/images/1702"


def test_both_files_of_video_r1_are_read_under_different_ids(tmp_path: Path) -> None:
    plain = {key: value for key, value in VIDEO_R1.items() if key != "process"}
    folder = folder_of(tmp_path, {"Video-R1-COT-165k.json": [VIDEO_R1], "Video-R1-260k.json": [plain]})
    first, second = examples(read("video_r1", folder))
    assert (first.id, second.id) == ("video_r1/Video-R1-260k:0", "video_r1/Video-R1-COT-165k:0")
    assert (first.think, second.think) == ("", "It barks.")
    assert second.categories["file"] == "Video-R1-COT-165k"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"problem": " "}, "missing_field"),
        ({"problem": 7}, "wrong_type"),
        ({"solution": None}, "missing_field"),
        ({"path": None}, "missing_field"),
        ({"path": "."}, "missing_field"),
        ({"path": "a\0b.mp4"}, "missing_field"),
        ({"problem_type": "temporal retrieval"}, "unknown_problem_type"),
        ({"problem_type": "judge", "solution": "<answer>Yes</answer>"}, "unknown_problem_type"),
        ({"problem_type": "emer_ov_mc"}, "unknown_problem_type"),
        ({"problem_type": "numerical", "solution": "<answer>3k</answer>"}, "answer_unclear"),
        ({"problem_type": "regression", "solution": "<answer>2π</answer>"}, "answer_unclear"),
        ({"data_type": "smell"}, "unknown_media_type"),
        ({"options": ["A. x", "B. y", "z"]}, "options_unclear"),
        ({"options": ["A. x"]}, "too_few_options"),
        ({"options": None}, "too_few_options"),
        ({"solution": "<answer>A,B</answer>"}, "answer_unclear"),
        ({"solution": "<answer>A"}, "malformed_reasoning"),
        ({"solution": "<answer>neither</answer>"}, "answer_not_in_options"),
        ({"solution": "<answer>C</answer>"}, "label_without_option"),
        ({"problem_type": "numerical", "solution": "<answer>many</answer>"}, "answer_unclear"),
        ({"answer": "A"}, "answer_conflict"),
        ({"process": "<think>half"}, "malformed_reasoning"),
        ({"solution": "<think>a</think><think>b</think><answer>B</answer>"}, "malformed_reasoning"),
    ],
)
def test_bad_row_is_rejected_with_its_reason(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    left_out = reject(video_r1(tmp_path, **changes))
    assert left_out.reason == reason
    assert left_out.reason in REASONS
    assert left_out.id == "video_r1/Video-R1-COT-165k:0"
    assert left_out.detail
    assert '"problem_id": 2' in left_out.row
    left_out.model_dump_json()


@pytest.mark.parametrize("written", ["[%s, %s, %s]", "%s\n%s\n%s\n"])
def test_odd_row_costs_no_other(tmp_path: Path, written: str) -> None:
    good = json.dumps(VIDEO_R1)
    twice = '{"solution": "<answer>A</answer>", ' + good[1:]
    deep = good.replace('["A. A cat", "B. A dog"]', "[" * 100_000 + "]" * 100_000)
    long = good.replace('"problem_id": 2', f'"problem_id": {"9" * 5000}, "path": {"9" * 5000}')
    for odd, reason in ((twice, "repeated_field"), (deep, "wrong_type"), (long, "repeated_field")):
        content = written.replace("%s", good, 1).replace("%s", odd, 1).replace("%s", good)
        first, left_out, last = read("video_r1", folder_of(tmp_path / str(len(odd)), {"Video-R1-260k.json": content}))
        assert reject([left_out]).reason == reason
        assert len(examples([first, last])) == 2


@pytest.mark.parametrize("depth", [300, 600, 900, 990])
@pytest.mark.parametrize("field", ["options", "solution", "path"])
def test_value_nested_almost_too_deep_to_be_decoded_is_rejected(tmp_path: Path, field: str, depth: int) -> None:
    deep = json.dumps(VIDEO_R1 | {field: "?"}).replace('"?"', "[" * depth + "]" * depth)
    left_out = reject(read("video_r1", folder_of(tmp_path, {"Video-R1-260k.json": f"[{deep}]"})))
    assert left_out.reason in ("options_unclear", "answer_unclear", "wrong_type")


def test_half_a_character_is_rejected(tmp_path: Path) -> None:
    lines = lines_of(VIDEO_R1 | {"problem": "half \ud800", "problem_id": "\ud800"}, VIDEO_R1)
    left_out, kept = read("video_r1", folder_of(tmp_path, {"Video-R1-COT-165k.json": lines}))
    assert isinstance(left_out, Reject) and left_out.reason == "not_unicode"
    assert "\\ud800" in left_out.row
    assert isinstance(kept, Example)


@pytest.mark.parametrize("row", [None, 7, "text", [1], True])
def test_row_that_is_no_object_is_rejected(tmp_path: Path, row: object) -> None:
    assert reject(read_one(tmp_path, "intentbench", "qa.json", row)).reason == "wrong_type"


def test_long_row_is_shortened_in_its_reject(tmp_path: Path) -> None:
    assert len(reject(video_r1(tmp_path, problem_type="?", problem="x" * 9000)).row) == 2000


@pytest.mark.parametrize("path", ["../x.mp4", "/etc/passwd", "a/../../x.mp4", "C:\\x.mp4", "..\\x.mp4", ".."])
def test_path_that_leaves_the_folder_stops_the_run(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match=r"Video-R1-COT-165k\.json, row Video-R1-COT-165k:0: path .* leads out"):
        video_r1(tmp_path, path=path)


def test_path_with_dots_that_stays_inside_is_normalised(tmp_path: Path) -> None:
    (row,) = examples(video_r1(tmp_path, path="./a/../b//c.mp4"))
    assert row.media[0].path == "b/c.mp4"


def test_social_iq_is_read_from_json_lines_with_repeated_ids(tmp_path: Path) -> None:
    again = SOCIAL_IQ | {"q": "And then?", "answer_idx": 0, "ans_corr": "He laughs."}
    folder = folder_of(
        tmp_path,
        {
            "siq2/qa/qa_train.json": lines_of(SOCIAL_IQ, again),
            "siq2/qa/qa_val.json": lines_of(SOCIAL_IQ),
            "siq2/qa/qa_test.json": lines_of({"qid": "no answer"}),
            "siq2/video/-b8xt2PeE01.mp4": b"x",
            "siq2/transcript/-b8xt2PeE01.vtt": "WEBVTT\n\n00:00.0 --> 00:01.0\n<c>Hello</c> there\n",
        },
    )
    rows = examples(read("social_iq2", folder))
    assert [row.id for row in rows] == [
        "social_iq2/qa_train:0",
        "social_iq2/qa_train:1",
        "social_iq2/qa_val:0",
    ]
    assert rows[0].source_id == rows[1].source_id
    assert [row.answer for row in rows] == ["C", "A", "C"]
    assert [row.categories["published_split"] for row in rows] == ["train", "train", "val"]
    assert rows[0].subtitles == "Hello there"
    assert rows[0].media[0].path == "siq2/video/-b8xt2PeE01.mp4"
    assert rows[0].options[1] == Option(label="B", text="A man sings.")


def test_social_iq_times_are_told_and_cut_nothing(tmp_path: Path) -> None:
    (row,) = examples(read_one(tmp_path, "social_iq2", "qa/qa_train.json", SOCIAL_IQ, ts="0.00-21.69"))
    assert row.categories == {"published_split": "train", "time_reference": "0.00-21.69"}
    assert (row.media[0].start, row.media[0].end) == (None, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer_idx": 4}, "label_without_option"),
        ({"answer_idx": "2"}, "wrong_type"),
        ({"answer_idx": True}, "wrong_type"),
        ({"answer_idx": None}, "missing_field"),
        ({"ans_corr": "He leaves."}, "answer_conflict"),
        ({"a1": ""}, "missing_field"),
    ],
)
def test_bad_social_iq_row_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    assert reject(read_one(tmp_path, "social_iq2", "qa/qa_train.json", SOCIAL_IQ, **changes)).reason == reason


def test_social_iq_clip_has_one_group_in_training_and_benchmark(tmp_path: Path) -> None:
    (trained,) = examples(read_one(tmp_path / "a", "social_iq2", "qa/qa_train.json", SOCIAL_IQ))
    (tested,) = examples(intentbench(tmp_path / "b"))
    assert trained.group == tested.group == "youtube/-b8xt2PeE01"


def test_mer_clip_has_one_group_in_training_and_benchmark(tmp_path: Path) -> None:
    (trained,) = examples(read_one(tmp_path / "a", "intent_train", "emer_rewrite.json", EMER))
    emotion = EMER | {"video": "sample_00000007.mp4", "source": "EMER", "Type": "emotion"}
    (tested,) = examples(read_one(tmp_path / "b", "intentbench", "qa.json", emotion))
    assert trained.group == tested.group == "mer/sample_00000007"


def test_emer_row_keeps_the_context_and_reasoning_it_ships(tmp_path: Path) -> None:
    (row,) = examples(read_one(tmp_path, "intent_train", "emer_rewrite.json", EMER))
    assert (row.answer_kind, row.answer) == ("multi_choice", "B,C")
    assert (row.context, row.think) == ("A man smiles.", "So he is glad.")
    assert [(made.field, made.provider) for made in row.provenance] == [
        ("context", "publisher"),
        ("think", "publisher"),
    ]


def test_emer_clips_are_found_in_either_published_place(tmp_path: Path) -> None:
    files = {"emer_rewrite.json": [EMER], "videos/MER24/sample_00000007.mp4": b"x"}
    (row,) = examples(read("intent_train", folder_of(tmp_path, files)))
    assert row.media[0].path == "videos/MER24/sample_00000007.mp4"


def test_missing_clip_is_named_where_it_should_be(tmp_path: Path) -> None:
    (row,) = examples(read_one(tmp_path, "intent_train", "emer_rewrite.json", EMER))
    assert row.media[0].path == "MER24/sample_00000007.mp4"


def test_intentbench_options_without_a_space_are_split(tmp_path: Path) -> None:
    (row,) = examples(intentbench(tmp_path))
    assert row.options == (Option(label="A", text="The man left."), Option(label="B", text="Nobody knows."))
    assert row.categories == {"type": "why", "part": "Socialiq"}
    assert row.media[0].path == "videos/-b8xt2PeE01_trimmed-out.mp4"


def test_intentbench_judge_rows_have_no_options_key(tmp_path: Path) -> None:
    row = {
        "Question order": "17",
        "Question id": "14",
        "data_type": "video",
        "problem_type": "judge",
        "problem": "Does she lie?",
        "video": "054-17-14.mp4",
        "solution": "<answer>Yes</answer>",
        "answer": "Yes",
        "Type": "deception",
        "source": "MDPE",
    }
    (example,) = examples(read_one(tmp_path, "intentbench", "qa.json", row))
    assert (example.answer_kind, example.answer) == ("yes_no", "yes")
    assert (example.group, example.source_id) == ("mdpe/054-17-14", "14")


def test_intentbench_answer_with_spaces_is_the_same_answer(tmp_path: Path) -> None:
    changes = {"problem_type": "emer_ov_mc", "solution": "<answer>B, A</answer>", "answer": "A,B"}
    (row,) = examples(intentbench(tmp_path, **changes))
    assert row.answer == "A,B"


def test_omni_instruct_media_become_files_of_the_folder(tmp_path: Path) -> None:
    folder, rows = omni_instruct(tmp_path)
    (row,) = examples(rows)
    image, sound = row.media
    assert (image.kind, image.path) == ("image", "image/train-00000-of-00001/0.png")
    assert (sound.kind, sound.path) == ("audio", "audio/train-00000-of-00001/0.wav")
    assert folder.local(image.path).read_bytes() == picture()
    assert (row.answer, row.gold_text, row.description) == ("B", "A cat", "barking")
    assert row.categories == {"published_split": "train", "part": "AVQA"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": "A bird"}, "answer_not_in_options"),
        ({"options": ["same", "same"], "answer": "same"}, "answer_unclear"),
        ({"image": {"bytes": b"", "path": "x"}}, "missing_field"),
        ({"audio": None}, "missing_field"),
        ({"question": None}, "missing_field"),
        ({"options": ["A cat"]}, "too_few_options"),
        ({"options": ["A cat", " "]}, "options_unclear"),
    ],
)
def test_bad_omni_instruct_row_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    _, rows = omni_instruct(tmp_path, **changes)
    assert reject(rows).reason == reason


@pytest.mark.parametrize(
    ("texts", "answer", "label"),
    [
        (["A major", "B minor", "C major", "D minor"], "C major", "C"),
        (["A. Smith", "B. Jones", "x", "y"], "B. Jones", "B"),
    ],
)
def test_omni_instruct_options_keep_what_looks_like_a_label(
    tmp_path: Path, texts: list[str], answer: str, label: str
) -> None:
    (row,) = examples(omni_instruct(tmp_path, options=texts, answer=answer)[1])
    assert [option.text for option in row.options] == texts
    assert (row.answer, row.gold_text) == (label, answer)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(b"\xff\xf3\x40", ".mp3"), (b"\xff\xf2\x40", ".mp3"), (b"\xff\xfa\x90", ".mp3"), (b"\xff\xf9\x50", ".bin")],
)
def test_sound_without_a_header_is_known_by_its_first_frame(tmp_path: Path, content: bytes, suffix: str) -> None:
    (row,) = examples(omni_instruct(tmp_path, audio={"bytes": content, "path": None})[1])
    assert row.media[1].path == f"audio/train-00000-of-00001/0{suffix}"


def test_daily_omni_sentinels_are_no_categories(tmp_path: Path) -> None:
    (row,) = examples(read_one(tmp_path, "daily_omni", "qa.json", DAILY))
    assert row.categories == {
        "type": "Event Sequence",
        "video_category": "Howto & Style",
        "video_duration": "60s",
    }
    assert row.options == (Option(label="A", text="A → B"), Option(label="B", text="'B' → A"))
    assert row.group == "youtube/-c_lQgZ9wlg"


def test_daily_omni_sound_is_a_medium_where_it_is_there(tmp_path: Path) -> None:
    stem = "Videos/-c_lQgZ9wlg/-c_lQgZ9wlg"
    files = {"qa.json": [DAILY], f"{stem}_video.mp4": b"x", f"{stem}_audio.wav": b"y"}
    (row,) = examples(read("daily_omni", folder_of(tmp_path, files)))
    assert [medium.path for medium in row.media] == [f"{stem}_video.mp4", f"{stem}_audio.wav"]


def test_daily_omni_id_that_leaves_the_folder_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leads out"):
        read_one(tmp_path, "daily_omni", "qa.json", DAILY, video_id="../../../x")


def test_worldsense_tasks_are_rows_in_number_order(tmp_path: Path) -> None:
    subtitles = "1\n00:00:00,000 --> 00:00:01,000\nBong\n"
    files = {"worldsense_qa.json": {"aBcD1234": SENSE}, "subtitles/aBcD1234.srt": subtitles}
    rows = examples(read("worldsense", folder_of(tmp_path, files)))
    assert [row.source_row for row in rows] == ["aBcD1234_task0", "aBcD1234_task2", "aBcD1234_task10"]
    assert [row.answer for row in rows] == ["C", "B", "A"]
    assert [len(row.options) for row in rows] == [3, 3, 3]
    assert rows[0].categories["audio_class"] == "Speech,Music"
    assert (rows[0].description, rows[0].subtitles) == ("Three bells.", "Bong")
    assert rows[0].group == "worldsense/aBcD1234"


def test_worldsense_subtitles_that_are_no_text_are_a_reject(tmp_path: Path) -> None:
    files = {"worldsense_qa.json": {"aBcD1234": SENSE}, "subtitles/aBcD1234.srt": b"\xe9"}
    rows = read("worldsense", folder_of(tmp_path, files))
    assert {row.reason for row in rows if isinstance(row, Reject)} == {"unreadable_subtitles"} and len(rows) == 3


def test_worldsense_clips_without_tasks_are_rejected_and_not_lost(tmp_path: Path) -> None:
    clips = {"one": {"task": SENSE["task0"]}, "two_task0": {"one": SENSE["task0"]}, "three": {"task0": "text"}, "4": 7}
    rows = read("worldsense", folder_of(tmp_path, {"worldsense_qa.json": clips}))
    assert [(row.source_row, row.reason) for row in rows if isinstance(row, Reject)] == [
        ("one", "missing_field"),
        ("two_task0", "missing_field"),
        ("three_task0", "wrong_type"),
        ("4", "wrong_type"),
    ]


@pytest.mark.parametrize("clip", [{"video_id": "another"}, {"task0": SENSE["task0"] | {"video_id": "another"}}])
def test_worldsense_task_of_another_clip_than_its_key_is_rejected(tmp_path: Path, clip: dict[str, object]) -> None:
    content = {"aBcD1234": {"task0": SENSE["task0"]} | clip, "other": {"task0": SENSE["task0"]}}
    left_out, kept = read("worldsense", folder_of(tmp_path, {"worldsense_qa.json": content}))
    assert (reject([left_out]).reason, reject([left_out]).source_row) == ("media_conflict", "aBcD1234_task0")
    assert examples([kept])[0].group == "worldsense/other"


def test_worldsense_task_says_its_own_type_and_its_clip_the_rest(tmp_path: Path) -> None:
    (row, *_) = examples(read("worldsense", folder_of(tmp_path, {"worldsense_qa.json": {"aBcD1234": SENSE}})))
    assert row.categories == {
        "type": "Audio Counting",
        "task_domain": "Recognition",
        "domain": "Music",
        "audio_class": "Speech,Music",
    }


@pytest.mark.parametrize("name", sorted(READERS))
def test_wrong_folder_gives_one_error_that_names_what_was_looked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        READERS[name].read(folder_of(tmp_path, {"else/where.txt": "x"}))
    assert repr(READERS[name].files[0]) in str(caught.value)
    assert "else/where.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(READERS))
def test_table_names_its_readers(name: str) -> None:
    assert READERS[name].name == name
    assert READERS[name].licence and READERS[name].homepage.startswith("https://")


def test_two_files_that_could_both_be_the_dataset_are_an_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"qa.json": [INTENT], "copy/qa.json": [INTENT]})
    with pytest.raises(UserError, match=r"copy/qa\.json and qa\.json"):
        read("intentbench", folder)


def test_reading_is_lazy(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"qa.json": json.dumps([INTENT, INTENT])[:-1] + ", broken"})
    rows = READERS["intentbench"].read(folder)
    assert isinstance(next(rows), Example)
    with pytest.raises(UserError, match=r"qa\.json cannot be read after 2 rows"):
        list(rows)
