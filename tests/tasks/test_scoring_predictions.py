"""Files of predictions: three forms, and what is wrong with a file in one line."""

import json
from pathlib import Path

import pytest

from schemas.values import UserError
from tasks.scoring.predictions import items
from tasks.scoring.subsets import read_subset

ITEMS = [{"qid": "a", "output": "x\ny"}, {"qid": "b", "output": "ä"}, {"qid": "c"}]


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "predictions.json"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ITEMS),
        json.dumps(ITEMS, indent=2),
        "\ufeff" + json.dumps(ITEMS, ensure_ascii=False),
        "\n\n".join(map(json.dumps, ITEMS)) + "\n",
        json.dumps({"results": ITEMS}),
        json.dumps({"final_acc": [{"mean_acc": 0.5}], "results": ITEMS, "model": "m"}, indent=1),
    ],
)
def test_array_lines_and_object_with_results_hold_the_same_items(tmp_path: Path, text: str) -> None:
    assert list(items(written(tmp_path, text))) == ITEMS


@pytest.mark.parametrize("text", ["[]", '{"results": []}'])
def test_list_may_be_empty(tmp_path: Path, text: str) -> None:
    assert list(items(written(tmp_path, text))) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither a JSON array"),
        ("qid,output\na,B\n", "neither a JSON array"),
        ('{"qid": "a"}\n{"qid": \n', "line 2 is no JSON"),
        ('{"qid": "a"}\n\nBroken\n{"qid": "b"}\n', "line 3 is no JSON"),
        ('[{"qid": "a"}, {"qid": "b"}', "cannot be read after 2 items"),
        ('[{"qid": "a"}, {"qid": "b', "cannot be read after 1 items"),
        ('{"results": [{"qid": "a"}]', "cannot be read after 1 items"),
        ('{"results": {"a": 1}}', "cannot be read after 0 items"),
        ('{"results": [1], "results": [2]}', "stands twice"),
        ('[{"qid": "a"}] trailing', "cannot be read after 1 items"),
    ],
)
def test_file_that_cannot_be_read_to_its_end_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(items(written(tmp_path, text)))


def test_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "weights.bin"
    binary.write_bytes(b"[\xff\xfe")
    for file in (tmp_path / "gone.json", tmp_path, binary):
        with pytest.raises(UserError, match=rf"^{file}.* cannot be read"):
            list(items(file))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\n\nc \n", "ac"),
        ('["a", "c"]', "ac"),
        ('[{"qid": "a"}, {"qid": "c"}]', "ac"),
        ('{"exclude": ["b"]}', "ac"),
        ('{"excluded": [{"qid": "b"}], "tier": "broken"}', "ac"),
        ('{"variants": {"full": {"exclude": []}, "clean": {"exclude": ["b"]}}}', "ac"),
        ('{"exclude": []}', "abc"),
    ],
)
def test_list_names_the_questions_inside_or_those_left_out(tmp_path: Path, text: str, kept: str) -> None:
    subset = read_subset(f"clean={written(tmp_path, text)}")
    assert subset.name == "clean"
    assert "".join(id for id in "abc" if subset.holds(id)) == kept


@pytest.mark.parametrize(
    "text", ["", "[]", '{"ids": ["a"]}', '{"variants": {"hard": {}}}', "[[1]]", '["a", ""]', "[1,"]
)
def test_file_that_is_no_list_of_ids_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"predictions\.json"):
        read_subset(f"clean={written(tmp_path, text)}")


@pytest.mark.parametrize("given", ["clean", "=ids.txt", "clean=", "clean=gone.txt"])
def test_subset_without_a_name_or_a_file_is_refused(given: str) -> None:
    with pytest.raises(UserError, match=r"--subset|gone\.txt"):
        read_subset(given)
