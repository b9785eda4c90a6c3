"""What others open: plain Parquet that every usual tool reads whole, with no code of ours."""

import hashlib
import json
import shutil
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as pq
import pytest
import yaml

from schemas.example import EXAMPLES, Example, Media, Provenance, Rating, from_row
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.parquet import read_examples
from storage.store import Store
from tasks.curate import CurateParams, curate
from tasks.publish import PublishParams, publish
from tests.stages import example, files_below, made, rows_of

ROWS = 7
PARAMS = PublishParams(
    name="demo", title="A demo: ü", rows_per_file=3, url="https://example.org/demo", date="2026-01-31"
)


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
    artifact = made(publish.fn(PARAMS, chosen, runtime))
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


def test_datasets_library_streams_and_shuffles(published: tuple[Path, list[Example]]) -> None:
    import datasets

    stream = datasets.load_dataset(str(published[0]), split="train", streaming=True)
    assert [row["id"] for row in stream] == split(published[1], "train")
    shuffled = [from_row(row) for row in stream.shuffle(seed=0, buffer_size=2)]
    assert sorted(row.id for row in shuffled) == split(published[1], "train")
    assert shuffled[0] in published[1]


def test_files_are_read_by_name_too(published: tuple[Path, list[Example]], tmp_path: Path) -> None:
    import datasets

    files = {"train": f"{published[0]}/data/train-*.parquet"}
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    assert [from_row(row) for row in loaded] == [row for row in published[1] if row.split == "train"]


def test_example_comes_back_whole_from_the_datasets_library(
    published: tuple[Path, list[Example]], tmp_path: Path
) -> None:
    import datasets

    loaded = datasets.load_dataset(str(published[0]), split="train", cache_dir=str(tmp_path / "cache"))
    loaded.to_parquet(tmp_path / "examples-00000.parquet")
    assert list(read_examples(tmp_path)) == [row for row in published[1] if row.split == "train"]


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
    assert card["license"] == "cc0-1.0"
    assert card["task_categories"] == ["video-text-to-text", "multiple-choice"]
    assert [entry["split"] for entry in card["configs"][0]["data_files"]] == ["train", "validation"]
    splits = {entry["name"]: entry for entry in card["dataset_info"]["splits"]}
    assert {name: entry["num_examples"] for name, entry in splits.items()} == {"train": 4, "validation": 3}
    assert all(entry["num_bytes"] > 0 for entry in splits.values())
    files = [path.stat().st_size for path in (published[0] / "data").iterdir()]
    assert card["dataset_info"]["download_size"] == sum(files)
    assert f"| made | {ROWS} | CC0-1.0 | not stated |" in text
    assert f"| think | m by p | rewrite@1 | {ROWS} |" in text
    assert "| 8 | 7 | duplicate 1 |" in text
    assert "| made | bench | 0 | 0 " in text
    assert "curate/" in text


def test_card_declares_the_features_that_the_files_have(published: tuple[Path, list[Example]], tmp_path: Path) -> None:
    import datasets

    def features(folder: Path) -> object:
        return datasets.load_dataset_builder(str(folder), cache_dir=str(tmp_path / "cache")).info.features

    bare = tmp_path / "bare"
    shutil.copytree(published[0] / "data", bare)
    inferred = datasets.load_dataset(str(bare), split="train", cache_dir=str(tmp_path / "cache")).features
    assert features(published[0]) == inferred


def test_two_licences_are_told_apart(tmp_path: Path) -> None:
    runtime = Runtime(store=str(tmp_path / "store"))
    rows = rows_of(runtime, example("1"), example("2", source="other", licence="for academic use"))
    folder = Store(runtime.store).folder(made(publish.fn(PublishParams(name="demo", title="t"), rows, runtime)))
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n", 2)[1])
    assert (card["license"], card["license_link"]) == ("other", "LICENSE.md")
    assert "`other`: for academic use" in (folder / "LICENSE.md").read_text()
    licences = json.loads((folder / "croissant.json").read_text())["license"]
    assert licences == ["https://spdx.org/licenses/CC0-1.0", "for academic use"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of mlcroissant's own parser
def test_croissant_is_valid_and_reads_every_row(
    published: tuple[Path, list[Example]], caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(str(published[0] / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    rows = {row["examples/id"].decode(): row for row in dataset.records("examples")}
    assert rows.keys() == {row.id for row in published[1]}
    first = rows["made/1"]
    assert first["examples/split"] == b"train"
    assert [option["examples/options/text"] for option in first["examples/options"]] == [b"red", b"blue"]


def test_croissant_names_every_file_column_and_split(published: tuple[Path, list[Example]]) -> None:
    croissant = json.loads((published[0] / "croissant.json").read_text())
    assert croissant["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]
    files = {item["@id"]: item["sha256"] for item in croissant["distribution"] if item["@type"] == "cr:FileObject"}
    tables = {name: hashlib.sha256(content).hexdigest() for name, content in files_below(published[0]).items()}
    assert files == {name: digest for name, digest in tables.items() if name.endswith(".parquet")}
    splits, examples = croissant["recordSet"]
    assert [row["splits/url"] for row in splits["data"]] == ["cr:TrainingSplit", "cr:ValidationSplit"]
    fields = {field["name"]: field for field in examples["field"]}
    assert list(fields) == EXAMPLES.names
    assert [inner["name"] for inner in fields["media"]["subField"]] == [
        field.name for field in EXAMPLES.field("media").type.value_type
    ]
    assert {"rai:dataCollection", "rai:dataBiases", "rai:personalSensitiveInformation"} <= croissant.keys()


def test_same_rows_give_the_same_bytes(published: tuple[Path, list[Example]], tmp_path: Path) -> None:
    folders = []
    for name in ("one", "two"):
        runtime = Runtime(store=str(tmp_path / name))
        rows = rows_of(runtime, *published[1])
        folders.append(Store(runtime.store).folder(made(publish.fn(PARAMS, rows, runtime))))
    one, two = ({k: v for k, v in files_below(folder).items() if k != "manifest.json"} for folder in folders)
    assert one == two


def test_dataset_of_no_rows_says_so_instead_of_being_unreadable(tmp_path: Path) -> None:
    runtime = Runtime(store=str(tmp_path / "store"))
    with pytest.raises(UserError, match="no rows"):
        publish.fn(PublishParams(name="demo", title="t"), rows_of(runtime), runtime)
