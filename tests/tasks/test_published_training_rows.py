"""The readers of training data on real rows, where this checkout has them: read, or left out for a stated reason."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

from dataset_folders import examples, folder_of, read, reject, sample

from schemas.example import Example, Reject


def as_csv(name: str) -> str:
    """Rows that were kept as JSON, in the publisher's own form."""
    rows = json.loads(sample(name))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_real_rows_of_emer_become_choices_and_descriptions(tmp_path: Path) -> None:
    files = {"gt-eng.csv": as_csv("emer_v1_gt_eng.json"), "final-EMER-reason.csv": as_csv("emer_v2_final_reason.json")}
    rows = examples(read("emer", folder_of(tmp_path, files)))
    assert Counter(row.answer_kind for row in rows) == {"multi_choice": 12, "free_text": 12}
    published = json.loads(sample("emer_v1_gt_eng.json"))
    assert [row.gold_text for row in rows[:12]] == [row["emotions"] for row in published]
    assert [row.think for row in rows[:12]] == [row["reasons"] for row in published]


def test_real_rows_of_mer2024_become_choices(tmp_path: Path) -> None:
    content = as_csv("mer2024_ov_check_openset.json")
    rows = examples(read("mer2024_ov", folder_of(tmp_path, {"check-openset.csv": content})))
    assert len(rows) == 12
    assert all(len(row.options) == 6 for row in rows)
    assert all(set(row.gold_text.split(", ")) <= set(row.categories["labels"].split(", ")) for row in rows)


def test_real_row_of_llava_video_whose_options_were_cut_short_is_left_out(tmp_path: Path) -> None:
    content = sample("llava_video_178k_one_row.json")
    left_out = reject(read("llava_video_178k", folder_of(tmp_path, {"0_30_s_nextqa_mc_qa_processed.json": content})))
    assert (left_out.reason, left_out.source_row) == ("options_unclear", "0_30_s_nextqa_mc_qa_processed:0:0")


def test_real_rows_of_social_iq_are_read_but_never_its_test_rows(tmp_path: Path) -> None:
    kept = {f"siq2/qa/qa_{split}.json": sample(f"socialiq2_qa_{split}.json") for split in ("train", "val", "test")}
    rows: list[Example | Reject] = read("social_iq2", folder_of(tmp_path, kept))
    assert Counter(row.source_row.partition(":")[0] for row in examples(rows)) == {"qa_train": 12, "qa_val": 12}
