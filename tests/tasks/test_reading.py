"""Files of every published shape, told apart by content; malformed ones named; odd values kept as they are."""

import json
from pathlib import Path

import pytest
from dataset_folders import folder_of, lines_of

from schemas.values import UserError
from tasks.reading.row import BadRow, Row
from tasks.reading.rows import json_rows, mapping_rows, parquet_rows

ROWS = [{"a": 1, "b": "ä"}, {"a": 2.5, "b": None}]


def rows_of(tmp_path: Path, content: object) -> list[Row]:
    return list(json_rows(folder_of(tmp_path, {"qa.json": content}), "source", "qa.json", "part:"))


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps(ROWS).encode("utf-8-sig"),
        " \n" + json.dumps(ROWS, ensure_ascii=False),
        lines_of(*ROWS),
        "\n" + lines_of(*ROWS) + "\n\n",
        lines_of(*ROWS).replace("\n", "\r\n").encode(),
    ],
)
def test_arrays_and_lines_give_the_same_rows(tmp_path: Path, content: object) -> None:
    assert [row.value for row in rows_of(tmp_path, content)] == ROWS


def test_rows_are_named_by_their_position(tmp_path: Path) -> None:
    assert [row.id for row in rows_of(tmp_path, ROWS)] == ["source/part:0", "source/part:1"]


@pytest.mark.parametrize("indent", [None, 1])
def test_mapping_is_rows_named_by_key(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps({"x": ROWS[0], "y": 7}, indent=indent)
    rows = mapping_rows(folder_of(tmp_path, {"qa.json": content}), "source", "qa.json")
    assert [(row.key, row.value) for row in rows] == [("x", ROWS[0]), ("y", 7)]


@pytest.mark.parametrize("row", [ROWS[0], {"a": {"b": 1}}, {"a": {"b": 1}, "c": {"d": 2}}])
def test_one_line_is_one_row(tmp_path: Path, row: object) -> None:
    assert [read.value for read in rows_of(tmp_path, lines_of(row))] == [row]


def test_file_named_as_lines_is_lines_whatever_they_hold(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"qa.jsonl": lines_of([1], {"a": {}}, 7)})
    assert [row.value for row in json_rows(folder, "source", "qa.jsonl")] == [[1], {"a": {}}, 7]


def test_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(tmp_path, []) == []


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("", 0),
        ("null", 0),
        ('"text"', 0),
        ('[{"a": 1}, {"a": 2}', 2),
        ('[{"a": 1}] more', 1),
        ('{"a": 1}\n{"a": 2}\n{"a": \n', 2),
        (b'[{"a": "\xff\xfe"}]', 0),
        (b"\x00\x01\x02", 0),
        ('{"a": 1}\n' + "[" * 100_000, 1),
    ],
)
def test_malformed_file_is_one_error_with_file_and_position(tmp_path: Path, content: object, read: int) -> None:
    with pytest.raises(UserError) as caught:
        rows_of(tmp_path, content)
    assert f"qa.json cannot be read after {read} rows" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ("", 0),
        ("[]", 0),
        ('{"x": {"a": 1}, "x": {"a": 2}}', 1),
        ('{"x": {"a": 1}, "y": {"a"', 1),
        ('{"x": {"a": 1}, "y": ' + "[" * 100_000, 1),
    ],
)
def test_malformed_mapping_is_one_error_with_file_and_position(tmp_path: Path, content: str, read: int) -> None:
    with pytest.raises(UserError, match=rf"qa\.json cannot be read after {read} rows"):
        list(mapping_rows(folder_of(tmp_path, {"qa.json": content}), "source", "qa.json"))


def test_empty_file_of_lines_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"qa\.jsonl cannot be read after 0 rows"):
        list(json_rows(folder_of(tmp_path, {"qa.jsonl": " \n"}), "source", "qa.jsonl"))


AROUND = ('[{"a": 0}, ?, {"a": 1}]', '{"a": 0}\n?\n{"a": 1}\n', '{"a": 0}\n{"a": 1}\n?\n')
LONG = f"-{'9' * 5000}"
DEEP = '[{"[": ' * 100_000 + '"]}"' + "}]" * 100_000


@pytest.mark.parametrize("around", AROUND)
def test_number_too_long_to_be_one_is_its_digits(tmp_path: Path, around: str) -> None:
    rows = [row.value for row in rows_of(tmp_path, around.replace("?", f'{{"b": {LONG}}}'))]
    assert {"b": LONG} in rows
    assert [row for row in rows if row != {"b": LONG}] == [{"a": 0}, {"a": 1}]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("deep", [DEEP, f'{{"b": {DEEP}}}'], ids=["list", "object"])
def test_value_nested_too_deep_is_its_text(tmp_path: Path, around: str, deep: str) -> None:
    rows = [row.value for row in rows_of(tmp_path, around.replace("?", deep))]
    assert deep in rows
    assert [row for row in rows if row != deep] == [{"a": 0}, {"a": 1}]


@pytest.mark.parametrize("around", ["[?]", "?\n", '{"a": 0}\n?\n'])
def test_row_that_names_a_field_twice_is_no_row_and_is_shown_whole(tmp_path: Path, around: str) -> None:
    row = rows_of(tmp_path, around.replace("?", '{"solution": "A", "b": [{"solution": "B"}], "solution": "C"}'))[-1]
    with pytest.raises(BadRow, match="'solution' stands 2 times") as caught:
        row.text("b")
    assert caught.value.reason == "repeated_field"
    assert all(part in row.reject("repeated_field", "").row for part in ('"A"', '"B"', '"C"'))


def test_broken_parquet_file_is_one_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"x.parquet": b"PAR1 and no more"})
    with pytest.raises(UserError, match=r"x\.parquet cannot be read after 0 rows"):
        list(parquet_rows(folder, "source", "x.parquet", "", ["a"]))
