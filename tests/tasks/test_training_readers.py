"""Readers of training data on rows in their publishers' form: IntentTrain, emotions, pictures, conversations."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_folders import examples, folder_of, lines_of, read, reject

from schemas.example import Example, Option, Reject
from schemas.values import UserError
from tasks.reader import REASONS

Rows = list[Example | Reject]

SOCIAL = {
    "problem": "Why does she laugh?",
    "problem_type": "multiple choice",
    "options": ["A.The man fell.", "B.Nobody knows."],
    "solution": "<context>A man falls.</context><think>It is funny.</think><answer>A</answer>",
    "answer": "A",
    "data_type": "video",
    "path": "social_iq/-b8xt2PeE01.mp4",
}
REWRITTEN = SOCIAL | {"data_type": "image", "path": "Video-R1-data/Chart/a/1.png"}
AVQA = {
    "problem_id": 12,
    "problem": "What rings?",
    "data_type": "image_audio",
    "problem_type": "multiple choice",
    "options": ["A. A bell", "B. A phone"],
    "solution": "<answer>B</answer>",
    "path": {"image": "images/sample_12.jpg", "audio": "audios/sample_12.wav"},
    "data_source": "OmniInstruct_v1-AVQA",
}
ASKED = "<image>\nWho sings?\nOptions:\nA. Nobody\nB. A girl\nPlease provide your answer by stating the letter."
LLAVA = {
    "id": "1-2",
    "conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": "B. A girl."}],
    "data_source": "0_30_s_nextqa",
    "video": "NextQA/NExTVideo/1/2.mp4",
}
LLAVA_FILE = "0_30_s_nextqa/0_30_s_nextqa_mc_qa_processed.json"
VISTA = {
    "id": "9",
    "video": "Rl0M4-VNpe4.120t300.0.mp4",
    "Type": "Event Sequence",
    "conversations": [{"from": "human", "value": "<image>\nWhat comes first?"}, {"from": "gpt", "value": "Rain."}],
}
OMNI = {
    "id": "9_turn0",
    "Type": "0_30_s_nextqa_mc_qa_processed",
    "problem": "<video><audio>\nWho sings?\nA. Nobody\nB. A girl",
    "solution": "B. A girl",
    "videos": ["./data/videos/NextQA/NExTVideo/1/2.mp4"],
    "audios": ["./data/audios/NextQA/2.mp3"],
    "data_source": "0_30_s_nextqa",
    "messages": [],
}
OMNI_FILE = "merged_train_all_qi.jsonl"
GIRL = (Option(label="A", text="Nobody"), Option(label="B", text="A girl"))


def read_files(tmp_path: Path, name: str, files: Mapping[str, object]) -> Rows:
    return read(name, folder_of(tmp_path, files))


# IntentTrain


def test_three_files_of_intent_train_are_read_with_their_own_groups(tmp_path: Path) -> None:
    emer = SOCIAL | {"problem_type": "emer_ov_mc", "path": "MER24/sample_09000001.mp4"}
    files = {"emer_rewrite.json": [emer], "social_iq_v2_rewrite.json": [SOCIAL], "Video-R1_rewrite.json": [REWRITTEN]}
    rows = examples(read_files(tmp_path, "intent_train", files))
    assert [row.id.removeprefix("intent_train/") for row in rows] == [
        "emer_rewrite:0",
        "social_iq_v2_rewrite:0",
        "Video-R1_rewrite:0",
    ]
    assert [row.group for row in rows] == ["mer/sample_09000001", "youtube/-b8xt2PeE01", "video_r1/Chart/a/1"]
    assert [row.answer_kind for row in rows] == ["multi_choice", "choice", "choice"]
    assert [row.media[0].kind for row in rows] == ["video", "video", "image"]
    assert all(row.context and row.think for row in rows)


@pytest.mark.parametrize("options", [["A.The man left.", "B.Nobody knows."], "['A.The man left.', 'B.Nobody knows.']"])
def test_options_without_a_space_are_read_from_a_list_and_from_its_text(tmp_path: Path, options: object) -> None:
    files = {"social_iq_v2_rewrite.json": [SOCIAL | {"options": options}]}
    (row,) = examples(read_files(tmp_path, "intent_train", files))
    assert row.options == (Option(label="A", text="The man left."), Option(label="B", text="Nobody knows."))


@pytest.mark.parametrize("answer", ["A,C,E,F", "A, C,E ,F"])
def test_answer_of_several_letters_is_read_with_and_without_spaces(tmp_path: Path, answer: str) -> None:
    row = SOCIAL | {"problem_type": "emer_ov_mc", "options": [f"{label}. {label}{label}" for label in "ABCDEF"]}
    changed = row | {"answer": answer, "solution": f"<answer>{answer}</answer>", "path": "MER24/sample_09000001.mp4"}
    (read_row,) = examples(read_files(tmp_path, "intent_train", {"emer_rewrite.json": [changed]}))
    assert read_row.answer == "A,C,E,F"


def test_trimmed_clip_is_the_same_youtube_video(tmp_path: Path) -> None:
    trimmed = SOCIAL | {"path": "social_iq/-b8xt2PeE01_trimmed-out.mp4"}
    files = {"social_iq_v2_rewrite.json": [SOCIAL, trimmed]}
    assert {row.group for row in examples(read_files(tmp_path, "intent_train", files))} == {"youtube/-b8xt2PeE01"}


@pytest.mark.parametrize("path", ["Chart/a/1.png", "LLaVA-Video-178K/acad/x_1.mp4", "LLaVA/ytb_7nRmsEw7nsE.mp4"])
def test_file_of_video_r1_has_one_group_in_both_readers(tmp_path: Path, path: str) -> None:
    files = {
        "there/Video-R1-260k.json": [SOCIAL | {"path": f"./{path}"}],
        "Video-R1_rewrite.json": [SOCIAL | {"path": f"Video-R1-data/{path}"}],
    }
    folder = folder_of(tmp_path, files)
    (first,), (second,) = examples(read("video_r1", folder)), examples(read("intent_train", folder))
    assert first.group == second.group
    assert "Video-R1-data" not in first.group


@pytest.mark.parametrize(
    ("file", "changes", "reason"),
    [
        ("social_iq_v2_rewrite.json", {"path": {"image": "a", "audio": "b"}}, "wrong_type"),
        ("social_iq_v2_rewrite.json", {"path": None}, "missing_field"),
        ("social_iq_v2_rewrite.json", {"video": "social_iq/other.mp4"}, "media_conflict"),
        ("social_iq_v2_rewrite.json", {"data_type": "image"}, "unknown_media_type"),
        ("social_iq_v2_rewrite.json", {"options": "[A, B]"}, "options_unclear"),
        ("social_iq_v2_rewrite.json", {"answer": "B"}, "answer_conflict"),
        ("Video-R1_rewrite.json", {"data_type": None}, "unknown_media_type"),
        ("Video-R1_rewrite.json", {"problem_type": "judge"}, "unknown_problem_type"),
    ],
)
def test_bad_row_of_intent_train_is_rejected(
    tmp_path: Path, file: str, changes: dict[str, object], reason: str
) -> None:
    assert reject(read_files(tmp_path, "intent_train", {file: [SOCIAL | changes]})).reason == reason


# Emotions

V1 = 'names,emotions,subtitles,reasons\nsample_09000001,"angry, sad",Go!,"He shouts, so he is angry."\n'
V2 = 'name,chinese,english\nsample_09000001,(Chinese),"A man shouts.\nHis voice breaks."\n'


def test_first_emer_argues_and_second_describes(tmp_path: Path) -> None:
    files = {
        "dataset-v1/gt-eng.csv": V1,
        "dataset-v1/gt-chi.csv": V1,
        "dataset-v2/final-EMER-reason.csv": V2,
        "video/sample_09000001.avi": b"x",
    }
    first, second = examples(read_files(tmp_path, "emer", files))
    assert (first.id, second.id) == ("emer/gt-eng:0", "emer/final-EMER-reason:0")
    assert first.group == second.group == "mer/sample_09000001"
    assert first.media[0].path == second.media[0].path == "video/sample_09000001.avi"
    assert set(first.gold_text.split(", ")) == {"angry", "sad"}
    assert (first.subtitles, first.think, first.description) == ("Go!", "He shouts, so he is angry.", "")
    assert [(made.field, made.provider) for made in first.provenance] == [("think", "publisher")]
    assert (second.answer_kind, second.answer) == ("free_text", "A man shouts.\nHis voice breaks.")


def test_cell_that_holds_a_python_list_is_read_as_one(tmp_path: Path) -> None:
    content = "name,openset\nsample_09000001,\"['angry', 'mad', \"\"can't sit still\"\"]\"\nsample_09000002,['happy']\n"
    left_out, row = read_files(tmp_path, "mer2024_ov", {"check-openset.csv": content})
    assert isinstance(left_out, Reject) and left_out.reason == "unknown_emotion"
    assert isinstance(row, Example) and row.gold_text == "happy"
    assert row.categories == {"labels": "happy"}


def test_guesses_of_a_baseline_are_never_read(tmp_path: Path) -> None:
    content = "name,openset\nsample_09000001,['happy']\n"
    with pytest.raises(UserError, match=r"check-openset\.csv"):
        read_files(tmp_path / "a", "mer2024_ov", {"predict-openset.csv": content})
    files = {"check-openset.csv": content, "predict-openset.csv": content}
    assert len(read_files(tmp_path / "b", "mer2024_ov", files)) == 1


@pytest.mark.parametrize("cell", ["__import__('os').getcwd()", "happy", "{'happy'}", "[1]", "['a'"])
def test_cell_that_is_no_list_of_texts_is_rejected(tmp_path: Path, cell: str) -> None:
    content = f'name,openset\nsample_09000001,"{cell}"\n'
    assert reject(read_files(tmp_path, "mer2024_ov", {"check-openset.csv": content})).reason == "wrong_type"


def test_row_with_a_cell_too_many_is_rejected_and_not_shifted(tmp_path: Path) -> None:
    content = "name,openset\nsample_09000001,['happy', 'glad']\n"
    left_out = reject(read_files(tmp_path, "mer2024_ov", {"check-openset.csv": content}))
    assert left_out.reason == "wrong_type"
    assert "glad" in left_out.row


# Pictures with sound


def test_media_of_avqa_are_read_from_a_path_of_two(tmp_path: Path) -> None:
    place = "AVQA_R1/train/omni_rl_format_train.json"
    other = "AVQA_R1/valid/omni_rl_format_valid.json"
    train, valid = examples(read_files(tmp_path, "avqa_r1", {place: [AVQA], other: [AVQA]}))
    assert [(medium.kind, medium.path) for medium in train.media] == [
        ("image", "AVQA_R1/train/images/sample_12.jpg"),
        ("audio", "AVQA_R1/train/audios/sample_12.wav"),
    ]
    assert (train.id, valid.id) == ("avqa_r1/train:0", "avqa_r1/valid:0")
    assert train.source_id == valid.source_id == "12"
    assert train.group != valid.group
    assert (train.answer, train.gold_text) == ("B", "A phone")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"path": "images/sample_12.jpg"}, "wrong_type"),
        ({"path": {"image": "images/sample_12.jpg"}}, "missing_field"),
        ({"data_type": "image"}, "unknown_media_type"),
        ({"problem_type": "free-form"}, "unknown_problem_type"),
    ],
)
def test_avqa_row_of_another_form_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    files = {"train/omni_rl_format_train.json": [AVQA | changes]}
    assert reject(read_files(tmp_path, "avqa_r1", files)).reason == reason


def test_omni_instruct_without_a_column_of_options_has_free_answers(tmp_path: Path) -> None:
    row = {
        "answer": "sing",
        "category_id": 2,
        "id": 7,
        "question": "what is a man doing",
        "video_id": 3,
        "audio": {"bytes": b"RIFF....WAVE", "path": None},
        "image": {"bytes": b"\xff\xd8\xff", "path": None},
        "category": "music",
    }
    (tmp_path / "dataset/data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "dataset/data/valid-00000-of-00001.parquet")
    (kept,) = examples(read_files(tmp_path, "omni_instruct", {}))
    assert (kept.answer_kind, kept.answer, kept.options) == ("free_text", "sing", ())
    assert (kept.source_id, kept.group) == ("7", "omni_instruct/3")
    assert kept.categories == {"published_split": "valid", "category": "music"}
    assert [medium.path.rpartition(".")[2] for medium in kept.media] == ["jpg", "wav"]


# Conversations


@pytest.mark.parametrize(
    ("clip", "found"),
    [
        ("NextQA/NExTVideo/1/2.mp4", "NextQA/NExTVideo/1/2.mp4"),
        ("0_30_s_nextqa/NextQA/NExTVideo/1/2.mp4", "0_30_s_nextqa/NextQA/NExTVideo/1/2.mp4"),
        ("elsewhere.mp4", "NextQA/NExTVideo/1/2.mp4"),
    ],
)
def test_options_of_llava_video_are_read_from_the_human_turn(tmp_path: Path, clip: str, found: str) -> None:
    (row,) = examples(read_files(tmp_path, "llava_video_178k", {LLAVA_FILE: [LLAVA], clip: b"x"}))
    assert row.id == "llava_video_178k/0_30_s_nextqa_mc_qa_processed:0:0"
    assert (row.question, row.options, row.answer) == ("Who sings?", GIRL, "B")
    assert row.media[0].path == found
    assert row.group == "llava_video_178k/NextQA/NExTVideo/1/2"
    assert row.categories["part"] == "multiple choice"


def test_clips_beside_a_file_at_the_root_are_found_by_their_collection(tmp_path: Path) -> None:
    place = "0_30_s_nextqa/NextQA/NExTVideo/1/2.mp4"
    files = {"0_30_s_nextqa_mc_qa_processed.json": [LLAVA], place: b"x"}
    (row,) = examples(read_files(tmp_path, "llava_video_178k", files))
    assert row.media[0].path == place


def test_every_turn_of_a_conversation_is_an_example(tmp_path: Path) -> None:
    spoken = [
        {"from": "human", "value": "<image>\nWho sings?"},
        {"from": "gpt", "value": "A girl."},
        {"from": "human", "value": "Where?"},
        {"from": "gpt", "value": "On a roof."},
    ]
    files = {"x/0_30_s_nextqa_oe_qa_processed.json": [LLAVA | {"conversations": spoken}]}
    rows = examples(read_files(tmp_path, "llava_video_178k", files))
    assert [row.source_row.partition(":")[2] for row in rows] == ["0:0", "0:1"]
    assert [(row.question, row.answer) for row in rows] == [("Who sings?", "A girl."), ("Where?", "On a roof.")]
    assert {row.answer_kind for row in rows} == {"free_text"}


def said(*values: object) -> list[object]:
    return [{"from": ("human", "gpt")[number % 2], "value": value} for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("conversations", "reason"),
    [
        (said("Who sings?", "A girl"), "too_few_options"),
        (said(ASKED, "C. A boy"), "answer_unclear"),
        (said(ASKED), "turns_unclear"),
        (said(ASKED, "B. A girl")[::-1], "turns_unclear"),
        ("Who sings?", "wrong_type"),
        ([], "turns_unclear"),
        (None, "wrong_type"),
        (["Who sings?", "A girl"], "wrong_type"),
    ],
)
def test_conversation_that_is_no_question_and_answer_is_rejected(
    tmp_path: Path, conversations: object, reason: str
) -> None:
    files = {LLAVA_FILE: [LLAVA | {"conversations": conversations}]}
    left_out = reject(read_files(tmp_path, "llava_video_178k", files))
    assert left_out.reason == reason
    assert left_out.reason in REASONS


@pytest.mark.parametrize("value", [["Rain."], 3, None, {"text": "Rain."}])
def test_turn_whose_value_is_no_text_is_rejected_and_the_others_are_kept(tmp_path: Path, value: object) -> None:
    row = VISTA | {"conversations": said("What comes first?", "Rain.", "And then?", value)}
    kept, left_out = read_files(tmp_path, "videovista", {"VideoVista_Train.json": [row]})
    assert isinstance(kept, Example) and kept.answer == "Rain."
    assert isinstance(left_out, Reject) and left_out.source_row == "0:1"
    assert left_out.reason == ("missing_field" if value is None else "wrong_type")


def test_name_of_a_cut_clip_gives_its_youtube_video_and_no_second_cut(tmp_path: Path) -> None:
    clip = "VideoVista-Train-videos/Rl0M4-VNpe4.120t300.0.mp4"
    (row,) = examples(read_files(tmp_path, "videovista", {"VideoVista_Train.json": [VISTA], clip: b"x"}))
    assert row.group == "youtube/Rl0M4-VNpe4"
    assert (row.media[0].path, row.media[0].start, row.media[0].end) == (clip, None, None)
    assert row.categories == {"type": "Event Sequence"}


# OmniVideo-R1


@pytest.mark.parametrize(
    "published",
    ["./data/videos/NextQA/NExTVideo/1/2.mp4", "/mnt/somewhere/NextQA/NExTVideo/1/2.mp4", "NextQA/NExTVideo/1/2.mp4"],
)
@pytest.mark.parametrize("base", ["", "videos/", "data/videos/"])
def test_published_place_is_found_by_its_tail(tmp_path: Path, published: str, base: str) -> None:
    place = f"{base}NextQA/NExTVideo/1/2.mp4"
    row = OMNI | {"videos": [published]}
    files = {f"data/{OMNI_FILE}": lines_of(row), place: b"x", "2.mp4": b"another"}
    (read_row,) = examples(read_files(tmp_path, "omnivideo_r1", files))
    assert [(medium.kind, medium.path) for medium in read_row.media] == [("video", place)]
    assert (read_row.question, read_row.options, read_row.answer) == ("Who sings?", GIRL, "B")


@pytest.mark.parametrize(
    "published",
    [
        "./data/videos/NextQA/NExTVideo/1/2.mp4",
        "0_30_s_academic_v0_1/academic_source/Charades/2.mp4",
        "/mnt/z/2.mp4",
    ],
)
@pytest.mark.parametrize("place", ["2.mp4", "videos/2.mp4", "data/videos/2.mp4"])
def test_file_of_the_same_bare_name_is_another(tmp_path: Path, published: str, place: str) -> None:
    files = {OMNI_FILE: lines_of(OMNI | {"videos": [published]}), place: b"x"}
    folder = folder_of(tmp_path, files)
    (row,) = examples(read("omnivideo_r1", folder))
    assert row.media[0].path not in folder


@pytest.mark.parametrize("published", ["./data/videos/2.mp4", "/mnt/data/videos/2.mp4", "2.mp4"])
def test_file_that_was_published_without_folders_is_found_by_its_name(tmp_path: Path, published: str) -> None:
    files = {OMNI_FILE: lines_of(OMNI | {"videos": [published]}), "videos/2.mp4": b"x"}
    (row,) = examples(read_files(tmp_path, "omnivideo_r1", files))
    assert row.media[0].path == "videos/2.mp4"


def test_sound_is_a_medium_only_where_its_file_is_there(tmp_path: Path) -> None:
    files = {OMNI_FILE: lines_of(OMNI, OMNI | {"audios": []}), "audios/NextQA/2.mp3": b"x"}
    first, second = examples(read_files(tmp_path, "omnivideo_r1", files))
    assert [medium.path for medium in first.media][1:] == ["audios/NextQA/2.mp3"]
    assert [medium.kind for medium in second.media] == ["video"]


@pytest.mark.parametrize(
    "published",
    [
        "./data/videos/NextQA/NExTVideo/1/2.mp4",
        "./data/videos/0_30_s_nextqa/NextQA/NExTVideo/1/2.mp4",
        "/mnt/z/LLaVA/0_30_s_nextqa/NextQA/NExTVideo/1/2.mp4",
        "/mnt/z/data/videos/NextQA/NExTVideo/1/2.mp4",
        "/mnt/z/LLaVA-Video-178K/0_30_s_nextqa/NextQA/NExTVideo/1/2.mp4",
        "/mnt/z/LLaVA/NextQA/NExTVideo/1/2.mp4",
        "NextQA/NExTVideo/1/2.mp4",
    ],
)
def test_clip_has_one_group_in_the_sets_that_share_it(tmp_path: Path, published: str) -> None:
    place = "./data/videos/VideoVista-Train-videos/Rl0M4-VNpe4.120t300.0.mp4"
    clip, cut = OMNI | {"videos": [published]}, OMNI | {"Type": "Event Sequence", "videos": [place]}
    files = {
        OMNI_FILE: lines_of(clip, cut),
        LLAVA_FILE: [LLAVA],
        "VideoVista_Train.json": [VISTA],
        "videos/NextQA/NExTVideo/1/2.mp4": b"x",
    }
    folder = folder_of(tmp_path, files)
    groups = [row.group for row in examples(read("omnivideo_r1", folder))]
    others = [row.group for name in ("llava_video_178k", "videovista") for row in examples(read(name, folder))]
    assert groups == others


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"problem": "<video>\nWho sings?"}, "label_without_option"),
        ({"problem": "<video>\nWho sings?", "solution": "A girl"}, "too_few_options"),
        ({"solution": "A. A girl"}, "answer_unclear"),
        ({"videos": []}, "missing_field"),
        ({"videos": ["a.mp4", "b.mp4"]}, "wrong_type"),
        ({"videos": [7]}, "wrong_type"),
        ({"videos": ["/"]}, "missing_field"),
        ({"audios": "2.mp3"}, "wrong_type"),
    ],
)
def test_bad_row_of_omnivideo_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    files = {OMNI_FILE: lines_of(OMNI | changes)}
    assert reject(read_files(tmp_path, "omnivideo_r1", files)).reason == reason


@pytest.mark.parametrize("path", ["/../x.mp4", "../x.mp4", "data/../../x.mp4"])
def test_published_path_that_climbs_out_of_the_folder_stops_the_run(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="leads out"):
        read_files(tmp_path, "omnivideo_r1", {OMNI_FILE: json.dumps(OMNI | {"videos": [path]})})
