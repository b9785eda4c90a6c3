"""`contextfirst export`: whole folders that fit each project's documented form, in the words of our own training."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import jsonschema
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flows import cli
from media.waveform import read_waveform
from schemas.example import Example, Media
from schemas.runtime import Runtime
from storage import blobs, names
from storage.store import Store
from tasks.publish import PublishParams, publish
from tests.media.clips import Pictures, Tone, encode
from tests.stages import example, files_below, made, rows_of
from tests.storage import export_schemas
from training.prompts import SYSTEM, question_text, target

MARK = re.compile("<(image|video|audio)>")
COLUMNS = {"image": "images", "video": "videos", "audio": "audios"}


class Desk(NamedTuple):
    """A store with a dataset, and its rows by id."""

    store: Store
    rows: dict[str, Example]


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (28, 28), "red").save(stream, "PNG")
    return stream.getvalue()


def kept(store: Store, content: bytes, kind: str, path: str, **facts: object) -> Media:
    fields: dict[str, object] = {"kind": kind, "digest": blobs.keep(store.blobs, content), "path": path}
    return Media.model_validate(fields | facts)


def written(id: str, *media: Media, **changes: object) -> Example:
    return example(id, media=media, context="a red square", think="so : A", **changes)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "store")
    heard = encode(tmp_path / "a.mp4", Pictures(times=range(0, 500, 100)), Tone(seconds=0.5)).read_bytes()
    silent = encode(tmp_path / "b.mp4", Pictures(times=range(0, 500, 100))).read_bytes()
    tone = encode(tmp_path / "c.wav", Tone(codec="pcm_s16le", seconds=0.5)).read_bytes()
    clip = kept(store, heard, "video", "clips/a.MP4", has_audio=True, duration=0.5)
    mute = kept(store, silent, "video", "b.mp4")
    sound = kept(store, tone, "audio", "../../c.wav")
    still = kept(store, picture(), "image", "a.png")
    rows = [
        written("heard", clip),
        written("heard-too", clip, split="validation"),
        written("silent", mute, question="Colour of “ü” 😀?"),
        written("both", still, sound),
        written("pictures", still, still),
        written("text", answer_kind="free_text", options=(), answer="red"),
        written("mark", mute, question="What does <video> mean?"),
        written("part", clip.model_copy(update={"start": 1.0})),
        written("lost", Media(kind="video", digest="", path="gone.mp4")),
        example("plain", media=(still,)),
    ]
    runtime = Runtime(store=str(store.root))
    dataset = made(publish.fn(PublishParams(name="demo", title="Demo"), rows_of(runtime, *rows), runtime))
    names.give(store, "demo/dataset", dataset)
    return Desk(store, {row.id: row for row in rows})


Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> Command:
    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["contextfirst", "export", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def lines(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def rows_below(folder: Path) -> list[dict[str, Any]]:
    """All rows of an export, whatever its files."""
    found = [row for path in sorted(folder.glob("*-*.jsonl")) for row in lines(path)]
    return found + [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def check_media(text: str, row: dict[str, Any], folder: Path) -> None:
    """As many marks as files of each kind, and every file there."""
    marks = MARK.findall(text)
    for kind, column in COLUMNS.items():
        files = row.get(column) or []
        assert len(files) == marks.count(kind)
        assert all((folder / file).is_file() for file in files)


# What fits each project


def test_llama_factory_rows_fit_their_documented_form(command: Command, desk: Desk, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "llama-factory", "--out", "out") == 0
    rows = rows_below(tmp_path / "out")
    assert len(rows) == 6
    for row in rows:
        jsonschema.validate(row, export_schemas.LLAMA_FACTORY)
        check_media(row["conversations"][0]["value"], row, tmp_path / "out")
        assert not any(file.startswith("/") for column in COLUMNS.values() for file in row.get(column, []))


def test_llama_factory_finds_every_file_and_column_that_is_listed(command: Command, desk: Desk, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "llama-factory", "--out", "out") == 0
    listed = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    jsonschema.validate(listed, export_schemas.DATASET_INFO)
    assert sorted(entry["file_name"] for entry in listed.values()) == sorted(
        path.name for path in (tmp_path / "out").glob("*-*.jsonl")
    )
    assert "demo_dataset_train_video_audio" in listed
    for entry in listed.values():
        for row in lines(tmp_path / "out" / entry["file_name"]):
            assert row.keys() == set(entry["columns"].values())


def test_ms_swift_rows_fit_their_documented_form(command: Command, desk: Desk, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "ms-swift", "--out", "out") == 0
    rows = rows_below(tmp_path / "out")
    assert len(rows) == 6
    for row in rows:
        jsonschema.validate(row, export_schemas.MS_SWIFT)
        check_media(row["messages"][1]["content"], row, tmp_path)
        assert all(Path(file).is_absolute() for column in COLUMNS.values() for file in row.get(column, []))
        assert row["solution"] == desk.rows[row["id"]].answer


def test_verl_rows_fit_their_documented_form_also_where_nothing_was_rewritten(
    command: Command, desk: Desk, tmp_path: Path
) -> None:
    assert command("demo/dataset", "--to", "verl", "--out", "out") == 0
    rows = rows_below(tmp_path / "out")
    assert {row["extra_info"]["id"] for row in rows} == desk.rows.keys() - {"made/mark", "made/part", "made/lost"}
    for row in rows:
        jsonschema.validate(row, export_schemas.VERL)
        check_media(row["prompt"][1]["content"], row, tmp_path)
        assert row["reward_model"]["ground_truth"] == desk.rows[row["extra_info"]["id"]].answer
    (free,) = (row for row in rows if row["ability"] == "free_text")
    assert free["reward_model"]["style"] == "model"
    assert [row["extra_info"]["index"] for row in rows if row["extra_info"]["split"] == "train"] == list(range(6))


@pytest.mark.parametrize(("form", "kind"), [("llama-factory", "json"), ("ms-swift", "json"), ("verl", "parquet")])
def test_every_file_is_read_by_the_library_that_the_trainers_read_with(
    command: Command, tmp_path: Path, form: str, kind: str
) -> None:
    assert command("demo/dataset", "--to", form, "--out", "out") == 0
    files = sorted((tmp_path / "out").glob("*-*.jsonl" if kind == "json" else "*.parquet"))
    assert files
    for path in files:
        loaded = datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
        rows = pq.read_table(path).to_pylist() if kind == "parquet" else lines(path)
        assert loaded.to_list() == rows


# The words, the media, the rows


def test_words_are_those_of_our_own_training(command: Command, desk: Desk, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "ms-swift", "--out", "out") == 0
    row = next(row for row in rows_below(tmp_path / "out") if row["id"] == "made/silent")
    mine = desk.rows["made/silent"]
    assert [turn["content"] for turn in row["messages"]] == [
        SYSTEM["context_first"],
        f"<video>{question_text(mine)}",
        target(mine, "context_first"),
    ]


def test_format_decides_the_words(command: Command, desk: Desk, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "ms-swift", "--out", "out", "--format", "direct") == 0
    rows = {row["id"]: row for row in rows_below(tmp_path / "out")}
    assert "made/plain" in rows  # which has nothing but an answer
    assert rows["made/plain"]["messages"][0]["content"] == SYSTEM["direct"]
    assert rows["made/plain"]["messages"][2]["content"] == "A"


def test_sound_of_a_clip_follows_it_as_a_file_of_its_own(command: Command, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "llama-factory", "--out", "out") == 0
    (row,) = lines(tmp_path / "out" / "validation-video-audio.jsonl")
    assert row["conversations"][0]["value"].startswith("<video><audio>")
    samples = read_waveform(tmp_path / "out" / row["audios"][0], 10.0)
    assert samples is not None and 0.4 < len(samples) / 16_000 < 0.7
    assert abs(samples).max() > 0.1


def test_media_are_links_unless_copies_are_asked_for(command: Command, tmp_path: Path) -> None:
    for way in ("link", "copy"):
        assert command("demo/dataset", "--to", "verl", "--out", way, "--media", way) == 0
        clips = [path for path in (tmp_path / way / "media").iterdir() if path.suffix == ".mp4"]
        assert len(clips) == 2
        assert {path.is_symlink() for path in clips} == {way == "link"}
    assert files_below(tmp_path / "link" / "media") == files_below(tmp_path / "copy" / "media")


def test_rows_that_cannot_be_given_as_they_are_are_listed_with_a_reason(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("demo/dataset", "--to", "ms-swift", "--out", "out") == 0
    found = {line["id"].removeprefix("made/"): line["reason"] for line in lines(tmp_path / "out" / "left_out.jsonl")}
    assert found == {"mark": "mark_in_text", "part": "part_of_a_file", "lost": "no_file", "plain": "no_reply"}
    assert "mark_in_text 1, no_file 1, no_reply 1, part_of_a_file 1" in capsys.readouterr().out
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said["left_out"] == dict.fromkeys(sorted(found.values()), 1)
    assert sum(said["rows"].values()) == 6


def test_examples_are_exported_like_the_dataset_made_of_them(command: Command, desk: Desk, tmp_path: Path) -> None:
    (examples,) = (item.artifact for item in desk.store.manifests() if item.kind == "examples")
    assert command("demo/dataset", "--to", "verl", "--out", "one") == 0
    assert command(str(examples), "--to", "verl", "--out", "two") == 0

    def without_place(folder: str) -> list[dict[str, Any]]:
        texts = json.dumps(sorted(rows_below(tmp_path / folder), key=lambda row: row["extra_info"]["id"]))
        return json.loads(texts.replace(f"/{folder}/", "/"))

    assert without_place("one") == without_place("two")


def test_split_is_chosen(command: Command, tmp_path: Path) -> None:
    assert command("demo/dataset", "--to", "verl", "--out", "out", "--split", "validation") == 0
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == ["validation.parquet"]


# Whole or none


def test_medium_that_is_gone_leaves_no_folder(
    command: Command, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for blob in desk.store.blobs.glob("*/*"):
        blob.unlink()
    assert command("demo/dataset", "--to", "verl", "--out", "out") == 2
    assert "is no longer where it was read" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_copy_of_a_medium_that_has_changed_is_refused(
    command: Command, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for blob in desk.store.blobs.glob("*/*"):
        blob.write_bytes(b"other")
    assert command("demo/dataset", "--to", "llama-factory", "--out", "out", "--media", "copy") == 2
    assert "has changed since it was read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_folder_with_something_in_it_is_left_as_it_is(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert command("demo/dataset", "--to", "verl", "--out", "out") == 2
    assert "is not empty" in capsys.readouterr().err
    assert files_below(tmp_path / "out") == {"mine.txt": b"mine"}


def test_link_to_a_folder_is_that_folder(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to("full")
    assert command("demo/dataset", "--to", "verl", "--out", "link") == 2
    assert "is not empty" in capsys.readouterr().err
    assert files_below(tmp_path / "full") == {"mine.txt": b"mine"}
    (tmp_path / "full" / "mine.txt").unlink()
    assert command("demo/dataset", "--to", "verl", "--out", "link") == 0
    assert (tmp_path / "full" / "train.parquet").exists() and (tmp_path / "link").is_symlink()


def test_nothing_of_the_environment_is_in_an_export(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "hf_token_that_must_not_show"
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, secret)
    assert command("demo/dataset", "--to", "ms-swift", "--out", "out", "--media", "copy") == 0
    assert not [name for name, content in files_below(tmp_path / "out").items() if secret.encode() in content]
    assert secret not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("demo/nothing --to verl --out out", "no artifact is called 'demo/nothing'"),
        ("../demo --to verl --out out", "no artifact is called '../demo'"),
        ("demo/dataset --to axolotl --out out", "'llama-factory', 'ms-swift', 'verl'"),
        ("demo/dataset --to verl --out out --split tset", "there is no row to export"),
        ("demo/dataset --to verl --out out --format timed --store nowhere", "there is no store at"),
        ("demo/dataset --to verl --out /proc/contextfirst/out", "cannot be written"),
    ],
)
def test_mistake_is_one_line_and_writes_nothing(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert command(*words.split()) == 2
    errors = capsys.readouterr().err
    assert said in errors and len(errors.splitlines()) == 1
    assert not (tmp_path / "out").exists()
