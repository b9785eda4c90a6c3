"""A document read value by value gives what `json.load` gives, wherever the window ends, and fails where it fails."""

import io
import json
from pathlib import Path

import pytest
from dataset_folders import folder_of, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_readers import VIDEO_R1

from schemas.example import Example, Reject
from tasks.reading import json_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(values), chunk=st.integers(1, 40), indent=st.sampled_from([None, 1]), plain=st.booleans())
def test_items_are_those_of_json_load_wherever_the_window_ends(
    rows: list[object], chunk: int, indent: int | None, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "_CHUNK", chunk)
    text = json.dumps(rows, indent=indent, ensure_ascii=plain)
    assert repr(list(json_text.array_items(io.StringIO(text)))) == repr(json.loads(text))
    named = json.dumps({str(place): row for place, row in enumerate(rows)}, indent=indent, ensure_ascii=plain)
    assert repr(list(json_text.object_items(io.StringIO(named)))) == repr(list(json.loads(named).items()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(values, min_size=1), chunk=st.integers(1, 40), cut=st.integers(1, 200))
def test_document_that_is_cut_off_is_never_read_as_whole(
    rows: list[object], chunk: int, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "_CHUNK", chunk)
    text = json.dumps(rows)
    with pytest.raises(ValueError):
        list(json_text.array_items(io.StringIO(text[: max(0, len(text) - cut)])))


def test_fault_near_the_start_is_found_without_reading_the_rest() -> None:
    stream = io.StringIO('[{"a": 1}, {"a": oops}, ' + '{"a": 2}, ' * 1_000_000)
    with pytest.raises(ValueError, match="Expecting value"):
        list(json_text.array_items(stream))
    assert stream.tell() < 2 << 20


def test_number_beyond_64_bits_and_half_a_surrogate_pair_cost_no_other_row(tmp_path: Path) -> None:
    odd = VIDEO_R1 | {"problem_id": 2**63}
    text = json.dumps([odd, VIDEO_R1 | {"problem": "What is \ud800?"}, VIDEO_R1])
    large, broken, plain = read("video_r1", folder_of(tmp_path, {"Video-R1-COT-165k.json": text}))
    assert isinstance(large, Example) and large.source_id == "9223372036854775808"
    assert isinstance(broken, Reject) and broken.reason == "not_unicode"
    assert isinstance(plain, Example)


def test_line_that_is_no_json_is_a_reject_between_its_neighbours(tmp_path: Path) -> None:
    line = json.dumps({"id": "1", "problem": "What?", "solution": "Rain.", "videos": ["a.mp4"], "Type": "x"})
    rows = read("omnivideo_r1", folder_of(tmp_path, {"merged_train_all_qi.jsonl": f"{line}\n{line[:30]}\n{line}\n"}))
    assert [row.reason if isinstance(row, Reject) else row.answer for row in rows] == ["Rain.", "wrong_type", "Rain."]
