"""Rows of CSV files as publishers write them."""

from pathlib import Path

import pytest
from dataset_folders import folder_of

from schemas.values import UserError
from tasks.reading.row import Row
from tasks.reading.rows import csv_rows


def rows_of(tmp_path: Path, content: str | bytes) -> list[Row]:
    return list(csv_rows(folder_of(tmp_path, {"a.csv": content}), "made", "a.csv", "a:", ["name", "said"]))


def test_cells_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    content = '\ufeffname,other,said\nx,1,"Well, ""no""\nI said"\n\ny,2,\n'
    first, second = rows_of(tmp_path, content.encode())
    assert (first.key, second.key) == ("a:0", "a:1")
    assert first.value == {"name": "x", "other": "1", "said": 'Well, "no"\nI said'}
    assert second.value == {"name": "y", "other": "2", "said": ""}


def test_row_with_other_than_the_headers_cells_has_no_names(tmp_path: Path) -> None:
    long, short, good = rows_of(tmp_path, "name,said\nx,Well, no\ny\nz,Yes\n")
    assert (long.value, short.value) == (["x", "Well", " no"], ["y"])
    assert good.value == {"name": "z", "said": "Yes"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,text\nx,y\n", "a.csv has no column 'said'"),
        ("", "a.csv has no column 'name'"),
        ('name,said\nx,y\nz,"half', "a.csv cannot be read after 1 rows"),
        (b"name,said\nx,\xff\xfe\n", "a.csv cannot be read after 0 rows"),
    ],
)
def test_file_that_is_malformed_as_a_whole_is_named(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        rows_of(tmp_path, content)
