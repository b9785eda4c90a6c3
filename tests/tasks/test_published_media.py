"""Media inside a published dataset: bytes that every reader gets back, or one line that says why not."""

import io
from collections.abc import Iterator
from pathlib import Path

import datasets
import duckdb
import polars
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from media.blobs import blob_path
from schemas.example import Example, Media, from_row
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import blobs
from storage.publishing import embedding
from storage.store import Store
from tasks.publish import PublishParams, publish
from tests.stages import example, made, one_line, rows_of

PARAMS = PublishParams(name="demo", title="Demo", media="embedded")
CLIP = b"a clip of 14 B" * 100


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


@pytest.fixture
def rows(runtime: Runtime) -> list[Example]:
    """A row with a clip; one with the clip and two pictures; one whose clip has no file."""
    place = Store(runtime.store).blobs
    clip = Media(kind="video", digest=blobs.keep(place, CLIP), path="clips/a.MP4", duration=2.0)
    still = Media(kind="image", digest=blobs.keep(place, picture()), path="a.png", width=4, height=3)
    lost = Media(kind="video", digest="", path="gone.mp4")
    return [
        example("1", media=(clip,), split="train"),
        example("2", media=(clip, still, still), split="train"),
        example("3", media=(lost,), split="validation"),
    ]


@pytest.fixture
def folder(runtime: Runtime, rows: list[Example]) -> Path:
    return Store(runtime.store).folder(made(publish.fn(PARAMS, rows_of(runtime, *rows), runtime)))


def test_datasets_library_gets_typed_media_and_the_bytes_back(folder: Path, tmp_path: Path) -> None:
    train = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert train.features["video"] == datasets.Video(decode=False)
    assert [row["video"]["bytes"] for row in train] == [CLIP, CLIP]
    assert train[0]["image"] is None and train[1]["image"]["bytes"] == picture()
    assert train[0]["video"]["path"].endswith(".mp4")
    assert train.cast_column("image", datasets.Image())[1]["image"].size == (4, 3)


def test_media_stream_without_any_decoder(folder: Path) -> None:
    stream = datasets.load_dataset(str(folder), split="train", streaming=True).shuffle(seed=0, buffer_size=2)
    assert [row["video"]["bytes"] for row in stream] == [CLIP, CLIP]


def test_other_columns_are_those_of_the_rows(folder: Path, rows: list[Example]) -> None:
    found = [row for path in sorted((folder / "data").iterdir()) for row in pq.read_table(path).to_pylist()]
    assert [from_row({k: v for k, v in row.items() if k not in ("video", "image")}) for row in found] == rows


def test_duckdb_and_polars_read_the_bytes(folder: Path) -> None:
    files = f"{folder}/data/train-*.parquet"
    assert duckdb.sql(f"SELECT video.bytes FROM '{files}'").fetchall() == [(CLIP,), (CLIP,)]
    frame = polars.scan_parquet(files).select(polars.col("video").struct.field("bytes")).collect()
    assert frame["bytes"].to_list() == [CLIP, CLIP]


def test_card_and_croissant_say_what_is_inside(folder: Path) -> None:
    _, header, text = (folder / "README.md").read_text().split("---\n", 2)
    features = {entry["name"]: entry for entry in yaml.safe_load(header)["dataset_info"]["features"]}
    assert features["image"]["dtype"] == {"image": {"decode": False}}
    assert f"{2 * len(CLIP) + len(picture()):,} bytes in 3 values" in text
    assert "1 further medium of a kind" in text and "1 medium without a file" in text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of mlcroissant's own parser
def test_croissant_reads_the_pictures(folder: Path) -> None:
    import mlcroissant

    records = list(mlcroissant.Dataset(str(folder / "croissant.json")).records("examples"))
    pictures = {row["examples/id"]: row["examples/image"] for row in records}
    assert pictures[b"made/2"].size == (4, 3)


def test_large_media_make_small_row_groups(
    runtime: Runtime, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.publishing.tables.ROW_GROUP_BYTES", 3 * len(CLIP))
    many = [rows[0].model_copy(update={"id": f"made/{number}"}) for number in range(7)]
    folder = Store(runtime.store).folder(made(publish.fn(PARAMS, rows_of(runtime, *many), runtime)))
    (path,) = (folder / "data").iterdir()
    footer = pq.ParquetFile(path).metadata
    assert [footer.row_group(index).num_rows for index in range(footer.num_row_groups)] == [1, 2, 2, 2]
    assert pq.read_table(path)["id"].to_pylist() == [row.id for row in many]


def test_large_media_make_small_files(runtime: Runtime, rows: list[Example], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.publishing.tables.ROW_GROUP_BYTES", 1)
    monkeypatch.setattr("storage.publishing.tables.FILE_BYTES", 1)
    folder = Store(runtime.store).folder(made(publish.fn(PARAMS, rows_of(runtime, *rows), runtime)))
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "validation-00000-of-00001.parquet",
    ]


@pytest.fixture(params=["changed", "gone", "large"])
def spoilt(
    request: pytest.FixtureRequest, runtime: Runtime, rows: list[Example], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A store whose clip has other bytes, is gone, or is over the limit; what is to be said of it."""
    place = blob_path(Store(runtime.store).blobs, rows[0].media[0].digest)
    if request.param == "changed":
        place.write_bytes(b"another clip")
        yield "has changed since"
    elif request.param == "gone":
        place.unlink()
        yield "no longer where it was read"
    else:
        monkeypatch.setattr(embedding, "MEDIUM_BYTES", 10)
        yield "at most 10"


def test_file_that_cannot_go_inside_is_named_with_what_to_do(
    runtime: Runtime, rows: list[Example], spoilt: str
) -> None:
    with pytest.raises(UserError, match=spoilt) as error:
        publish.fn(PARAMS, rows_of(runtime, *rows), runtime)
    line = one_line(error.value)
    assert "clips/a.MP4" in line and ("--rehash" in line or "referenced" in line)
