"""Whatever a row holds, it ends as an example that says what the row says, or as a reject: never as an exception."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dataset_folders import READERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_benchmark_questions import FILM, TAXI, VLOG
from test_benchmark_videos import HOLMES, NEEDLE
from test_readers import DAILY, EMER, INTENT, SENSE, SOCIAL_IQ, VIDEO_R1
from test_training_readers import AVQA, LLAVA, LLAVA_FILE, OMNI, OMNI_FILE, VISTA

from media.blobs import blob_path
from schemas.example import CHOICE_KINDS, Example, Reject, to_table
from schemas.values import UserError
from storage.folder import Entry, Folder
from storage.parquet import write_rejects
from tasks.reader import REASONS

Written = Callable[[list[Any]], str]


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def mapping(rows: list[Any]) -> str:
    return json.dumps({f"clip{number}": row for number, row in enumerate(rows)})


class Layout(NamedTuple):
    """Where a reader's rows are, how they are written, and how many rows one may hold (None: several)."""

    file: str
    row: dict[str, Any]
    write: Written = json.dumps
    flat: bool = True


LAYOUTS = {
    "video_r1": Layout("Video-R1-COT-165k.json", VIDEO_R1),
    "social_iq2": Layout("qa_train.json", SOCIAL_IQ),
    "intent_train": Layout("emer_rewrite.json", EMER),
    "avqa_r1": Layout("AVQA_R1/train/omni_rl_format_train.json", AVQA),
    "llava_video_178k": Layout(LLAVA_FILE, LLAVA, flat=False),
    "videovista": Layout("VideoVista_Train.json", VISTA, flat=False),
    "omnivideo_r1": Layout(OMNI_FILE, OMNI, write=lines),
    "intentbench": Layout("qa.json", INTENT),
    "daily_omni": Layout("qa.json", DAILY),
    "worldsense": Layout("worldsense_qa.json", SENSE, write=mapping, flat=False),
    "omnivideobench": Layout("data.json", VLOG, flat=False),
    "video_holmes": Layout("test_Video-Holmes.json", HOLMES),
    "mlvu": Layout("json/2_needle.json", NEEDLE),
    "lvbench": Layout("video_info.meta.jsonl", FILM, write=lines, flat=False),
    "omnibench": Layout("dataset/batch-5_1142_20240817.jsonl", TAXI, write=lines),
}
TABLES = {"emer", "mer2024_ov", "omni_instruct", "video_mme"}
"""Readers of CSV and Parquet, whose files have a type for every column."""

texts = st.text(st.characters(exclude_categories=()), max_size=12)  # half surrogate pairs too
letters = st.sampled_from(
    ["A", "B", "a", "A,B", "Yes", "<answer>A</answer>", "A. A cat", "(b)", "", "E", "0", "</think>"]
)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts | letters
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


@st.composite
def changed(draw: st.DrawFn, row: Any) -> Any:
    """A row with some of its fields, at any depth, changed, dropped or added; or something else altogether."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(row, list):
        return [draw(changed(one)) for one in row[: draw(st.integers(0, 9))]]
    if not isinstance(row, dict):
        return draw(st.just(row) | values) if draw(st.booleans()) else row
    kept = {key: draw(changed(value)) for key, value in row.items() if draw(st.integers(0, 19))}
    return kept | (draw(st.dictionaries(texts, values, max_size=1)) if draw(st.integers(0, 4)) == 0 else {})


def test_every_reader_of_json_is_tried() -> None:
    assert LAYOUTS.keys() | TABLES == READERS.keys()


@pytest.mark.parametrize("name", sorted(LAYOUTS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.data())
def test_any_row_is_an_example_or_a_reject(name: str, choice: st.DataObject, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    rows = choice.draw(st.lists(changed(layout.row), min_size=1, max_size=4))
    text = layout.write(rows)
    try:
        found = list(READERS[name].read(one_file(tmp_path, layout.file, text)))
    except UserError as stopped:
        assert "leads out of the dataset's folder" in str(stopped)
        return
    assert len(found) == len(rows) if layout.flat else len(found) >= len(rows)
    said = list(spoken(rows))
    for row in found:
        assert isinstance(row, Example) or (row.reason in REASONS and row.detail)
        if isinstance(row, Example):
            assert in_any(row.question, said)
            assert all(in_any(option.text, said) for option in row.options)
            assert row.answer_kind in CHOICE_KINDS or row.answer_kind != "free_text" or in_any(row.answer, said)
    examples = [row for row in found if isinstance(row, Example)]
    rejects = [row for row in found if isinstance(row, Reject)]
    assert to_table(examples).num_rows + write_rejects(tmp_path / "rejects.parquet", rejects) == len(found)
    assert len({row.id for row in found}) == len(found)


def one_file(tmp_path: Path, name: str, text: str) -> Folder:
    """A folder with one file."""
    place = blob_path(tmp_path, "f" * 64)
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    return Folder(tmp_path, [Entry(name, "f" * 64, len(text))])


def spoken(value: object) -> Iterator[str]:
    """Every text and number in a row, also the names of fields."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from spoken(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from spoken(inner)
    elif value is not None:
        yield str(value)


def in_any(part: str, texts: list[str]) -> bool:
    return any(part in text for text in texts)
