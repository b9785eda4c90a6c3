"""What others open: plain Parquet that every usual tool reads whole, with no code of ours."""

import json
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as pq
import pytest
import yaml

from schemas.example import EXAMPLES, Example, Media, Provenance, Rating, from_row
from schemas.values import Runtime, UserError
from storage.store import Store
from tasks.curate import CurateParams, curate
from tasks.publish import PublishParams, publish
from tests.stages import example, files_below, made, rows_of

ROWS = 7


def full(number: int) -> Example:
    """A row with something in every field."""
    return example(
        str(number),
        media=(Media(kind="video", digest=f"{number:064d}", path="a.mp4", duration=2.0, fps=25.0, width=4, height=3),),
        subtitles="said ü 😀",
        description="shown",
        categories={"type": "what", "rated_category": "counting"},
        context="a scene",
        think="so",
        provenance=(Provenance(field="think", provider="p", model="m", prompt="rewrite@1", request="r"),),
        ratings=(Rating(name="question_logic", value=0.5, rationale="why"),),
        split="validation" if number % 3 == 0 else "train",
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Example]]:
    """The folder of a dataset and its rows in their order."""
    runtime = Runtime(store=str(tmp_path_factory.mktemp("published") / "store"))
    examples = [full(number) for number in range(ROWS)]
    duplicate = full(1).model_copy(update={"id": "made/again", "source_row": "again"})
    ratingless = [row.model_copy(update={"ratings": row.ratings * 0}) for row in (*examples, duplicate)]
    bench = rows_of(runtime, example("bench"))
    chosen = made(curate.fn(CurateParams(), {"made": rows_of(runtime, *ratingless)}, {"bench": bench}, None, runtime))
    params = PublishParams(name="demo", title="A demo: ü", rows_per_file=3)
    artifact = made(publish.fn(params, chosen, runtime))
    assert Store(runtime.store).manifest(artifact).rows.left == ROWS
    return Store(runtime.store).folder(artifact), [row.model_copy(update={"ratings": ()}) for row in examples]


def split(rows: list[Example], name: str) -> list[str]:
    return [row.id for row in rows if row.split == name]


def test_files_are_bounded_and_named_as_on_the_hub(published: tuple[Path, list[Example]]) -> None:
    assert sorted(files_below(published[0])) == [
        "README.md",
        "croissant.json",
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/validation-00000-of-00001.parquet",
        "manifest.json",
        "overlaps/overlaps-00000.parquet",
        "rejects/rejects-00000.parquet",
    ]


def test_datasets_library_reads_all_splits_and_fields(
    published: tuple[Path, list[Example]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    loaded = datasets.load_dataset(str(published[0]), cache_dir=str(tmp_path))
    assert {name: part["id"] for name, part in loaded.items()} == {
        name: split(published[1], name) for name in ("train", "validation")
    }
    assert loaded["train"].column_names == EXAMPLES.names
    back = {row["id"]: from_row(row) for part in loaded.values() for row in part}
    assert back == {row.id: row for row in published[1]}


def test_pyarrow_reads_what_was_written(published: tuple[Path, list[Example]]) -> None:
    table = pq.read_table(published[0] / "data")
    assert table.schema.equals(EXAMPLES)
    assert {row["id"]: from_row(row) for row in table.to_pylist()} == {row.id: row for row in published[1]}


def test_duckdb_reads_and_filters(published: tuple[Path, list[Example]]) -> None:
    query = f"SELECT id, media[1].duration, len(options) FROM '{published[0]}/data/train-*.parquet' ORDER BY id"
    assert duckdb.sql(query).fetchall() == [(name, 2.0, 2) for name in sorted(split(published[1], "train"))]


def test_polars_reads_all_fields(published: tuple[Path, list[Example]]) -> None:
    frame = polars.read_parquet(published[0] / "data" / "*.parquet")
    assert frame.shape == (ROWS, len(EXAMPLES))
    assert frame.columns == EXAMPLES.names
    assert frame["provenance"][0][0]["model"] == "m"


def test_rejects_and_overlaps_lie_beside_the_rows(published: tuple[Path, list[Example]]) -> None:
    (reject,) = pq.read_table(published[0] / "rejects").to_pylist()
    assert (reject["source_row"], reject["reason"]) == ("again", "duplicate")
    (overlap,) = pq.read_table(published[0] / "overlaps").to_pylist()
    assert (overlap["benchmark"], overlap["rows_by_video"]) == ("bench", 0)


def test_card_says_what_is_in_it(published: tuple[Path, list[Example]]) -> None:
    _, header, text = (published[0] / "README.md").read_text().split("---\n", 2)
    card = yaml.safe_load(header)
    assert card["pretty_name"] == "A demo: ü"
    assert [entry["split"] for entry in card["configs"][0]["data_files"]] == ["train", "validation"]
    splits = {entry["name"]: entry for entry in card["dataset_info"]["splits"]}
    assert {name: entry["num_examples"] for name, entry in splits.items()} == {"train": 4, "validation": 3}
    assert all(entry["num_bytes"] > 0 for entry in splits.values())
    assert f"| made | {ROWS} | CC0-1.0 |" in text
    assert "curate/" in text


def test_croissant_describes_files_and_fields(published: tuple[Path, list[Example]]) -> None:
    croissant = json.loads((published[0] / "croissant.json").read_text())
    assert croissant["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    fields = {field["name"]: field["dataType"] for field in croissant["recordSet"][0]["field"]}
    assert fields["question"] == "sc:Text" and set(fields) <= set(EXAMPLES.names)
    assert (croissant["size"], croissant["splits"]) == (ROWS, {"train": 4, "validation": 3})


def test_dataset_of_no_rows_says_so_instead_of_being_unreadable(tmp_path: Path) -> None:
    runtime = Runtime(store=str(tmp_path / "store"))
    with pytest.raises(UserError, match="no rows"):
        publish.fn(PublishParams(name="demo", title="t"), rows_of(runtime), runtime)
