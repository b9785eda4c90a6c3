"""Files of every published shape, told apart by content; malformed ones named; subtitles as plain lines."""

import json
from pathlib import Path

import pytest
from dataset_folders import folder_of, lines_of

from schemas.values import UserError
from tasks.reading.row import Row
from tasks.reading.rows import json_rows, parquet_rows
from tasks.reading.subtitles import plain_subtitles

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
def test_mapping_of_objects_is_rows_named_by_key(tmp_path: Path, indent: int | None) -> None:
    rows = rows_of(tmp_path, json.dumps({"x": ROWS[0], "y": ROWS[1]}, indent=indent))
    assert [(row.key, row.value) for row in rows] == [("part:x", ROWS[0]), ("part:y", ROWS[1])]


def test_one_line_is_one_row(tmp_path: Path) -> None:
    assert [row.value for row in rows_of(tmp_path, lines_of(ROWS[0]))] == [ROWS[0]]


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
        ('{"x": {"a": 1}, "x": {"a": 2}}', 1),
        ('{"x": {"a": 1}, "y": {"a"', 1),
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


def test_broken_parquet_file_is_one_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"x.parquet": b"PAR1 and no more"})
    with pytest.raises(UserError, match=r"x\.parquet cannot be read after 0 rows"):
        list(parquet_rows(folder, "source", "x.parquet", "", ["a"]))


def test_rolling_captions_are_said_once() -> None:
    vtt = """WEBVTT
Kind: captions

NOTE made by hand

00:00:00.030 --> 00:00:01.500 align:start position:0%

hello<00:00:00.450><c> there</c>

00:00:01.500 --> 00:00:01.510
hello there

0:00:01.510 --> 0:00:03.000
hello there
<c.colorE5E5E5>general &amp; all</c>

0:00:03.000 --> 0:00:04.000
general &amp; all
yes
"""
    assert plain_subtitles(vtt) == "hello there\ngeneral & all\nyes"


def test_subrip_loses_numbers_times_and_fonts() -> None:
    srt = (
        '\ufeff1\r\n00:00:00,000 --> 00:00:02,500\r\n<font color="white">It\'s 5 < 6</font>\r\n'
        "{\\an8}Up\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n42\r\n"
    )
    assert plain_subtitles(srt) == "It's 5 < 6\nUp\n42"


@pytest.mark.parametrize("text", ["", "WEBVTT\n", "no times here\n\nat all", "\x00"])
def test_text_without_cues_is_no_subtitles(text: str) -> None:
    assert plain_subtitles(text) == ""
