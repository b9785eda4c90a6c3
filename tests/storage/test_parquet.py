"""Tables of the store: declared schemas, the same bytes for the same rows, nothing lost."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.example import EXAMPLES, REJECTS, Media, Provenance, Rating, Reject
from storage.parquet import (
    ROW_GROUP,
    count_rows,
    read_examples,
    read_rejects,
    read_rows,
    read_table,
    shard_name,
    write_examples,
    write_rejects,
    write_rows,
)
from tests.stages import example

NUMBERS = pa.schema([pa.field("number", pa.int64(), nullable=False)])
FULL = example(
    "1",
    media=(
        Media(kind="video", digest="a" * 64, path="a.mp4", start=0.5, end=2.0, duration=9.0, fps=25.0, has_audio=True),
        Media(kind="image", digest="", path="b.png", width=3, height=4),
    ),
    subtitles="said",
    description="shown",
    categories={"type": "what", "another": "ü 😀"},
    context="a scene",
    think="so",
    provenance=(Provenance(field="think", provider="p", model="m", prompt="rewrite@1", request="r"),),
    ratings=(Rating(name="question_logic", value=0.5, rationale="why"),),
    split="train",
)


def test_example_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_examples(tmp_path / shard_name("examples", 0), [FULL, example("2")])
    assert list(read_examples(tmp_path)) == [FULL, example("2")]


def test_written_schema_is_the_declared_one_whatever_the_rows_hold(tmp_path: Path) -> None:
    for number, rows in enumerate(([], [example("1")], [FULL])):
        path = tmp_path / shard_name("examples", number)
        write_examples(path, rows)
        assert pq.read_schema(path).equals(EXAMPLES)


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_examples(tmp_path / name, [FULL, example("2")])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_rows_of_several_shards_come_in_shard_order(tmp_path: Path) -> None:
    for index in (2, 0, 1):
        write_rows(tmp_path / shard_name("numbers", index), [{"number": index}], NUMBERS)
    assert [row["number"] for row in read_rows(tmp_path, "numbers")] == [0, 1, 2]
    assert read_table(tmp_path, "numbers", NUMBERS).num_rows == 3


def test_table_without_shards_is_empty_with_its_schema(tmp_path: Path) -> None:
    assert read_table(tmp_path, "numbers", NUMBERS).schema.equals(NUMBERS)
    assert list(read_rows(tmp_path, "numbers")) == []


def test_long_table_is_written_in_row_groups_that_can_be_streamed(tmp_path: Path) -> None:
    path = tmp_path / shard_name("numbers", 0)
    count = 2 * ROW_GROUP + 1
    assert write_rows(path, ({"number": number} for number in range(count)), NUMBERS) == count
    assert pq.ParquetFile(path).num_row_groups == 3
    assert count_rows(path) == (count, {"number": "int64"})


@pytest.mark.parametrize("row", [{"number": "a text"}, {"number": None}, {}])
def test_row_that_misfits_its_schema_raises_and_leaves_no_file(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises((pa.ArrowException, ValueError)):
        write_rows(tmp_path / shard_name("numbers", 0), [row], NUMBERS)
    assert list(tmp_path.iterdir()) == []


def test_rejects_come_back_with_their_reasons(tmp_path: Path) -> None:
    reject = Reject(id="made/1", source="made", source_row="1", reason="missing_media", detail="gone.mp4", row="{}")
    write_rejects(tmp_path / shard_name("rejects", 0), [reject])
    assert list(read_rejects(tmp_path)) == [reject]
    assert pq.read_schema(tmp_path / shard_name("rejects", 0)).equals(REJECTS)


def test_shards_are_read_in_their_order_also_beyond_the_hundred_thousandth(tmp_path: Path) -> None:
    for index in (100_000, 99_999, 2):
        write_rows(tmp_path / shard_name("numbers", index), [{"number": index}], NUMBERS)
    assert [row["number"] for row in read_rows(tmp_path, "numbers")] == [2, 99_999, 100_000]
