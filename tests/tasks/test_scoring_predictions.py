"""Files of predictions: three forms, and what is wrong with a file in one line."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
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
        "\ufeff" + "\r\n".join(map(json.dumps, ITEMS)) + "\r\n",
        "\ufeff" + json.dumps({"results": ITEMS}, indent=1).replace("\n", "\r\n"),
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
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("qid,output\na,B\n", "neither a JSON array"),
        ('{"qid": "a"}\n{"qid": \n', "line 2 is no JSON"),
        ('{"qid": "a"}\n\nBroken\n{"qid": "b"}\n', "line 3 is no JSON"),
        ('[{"qid": "a"}, {"qid": "b"}', "breaks off or is no JSON in item 3"),
        ('[{"qid": "a"}, {"qid": "b', "breaks off or is no JSON in item 2"),
        ('[{"qid": "a"}, {"qid": "b\n"}]', "breaks off or is no JSON in item 2"),
        ('[{"qid": "a"},]', "breaks off or is no JSON in item 2"),
        ('{"results": [{"qid": "a"}]', "breaks off or is no JSON in item 2"),
        ('{"results": {"a": 1}}', "an object whose 'results' is no array"),
        ('{"results": [1], "results": [2]}', "stands twice"),
        ('[{"qid": "a"}] trailing', "'t' after the end"),
    ],
)
def test_file_that_cannot_be_read_to_its_end_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(items(written(tmp_path, text)))


def test_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    for file in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(UserError, match=rf"^{file}.* cannot be read"):
            list(items(file))


@pytest.mark.parametrize("written", [b"[\xff\xfe", json.dumps(ITEMS).encode("utf-16"), b"\x1f\x8b\x08\x00"])
def test_file_that_is_not_written_in_utf_8_is_told_to_be(tmp_path: Path, written: bytes) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(written)
    with pytest.raises(UserError, match=rf"^{file} is no UTF-8 text .*: write it as UTF-8"):
        list(items(file))


def test_pipe_is_refused_because_it_can_be_read_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as other:
        other.submit(pipe.write_text, json.dumps(ITEMS))
        with pytest.raises(UserError, match="a pipe can be read only once"):
            list(items(pipe))


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
