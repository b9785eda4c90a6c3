"""Choosing rows: every row that leaves has a reason, and a row's split is its video's."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llm.prompts.rate import DIMENSIONS
from schemas.artifact import Artifact, Manifest
from schemas.example import Example, Media, Rating
from schemas.values import Runtime, UserError
from storage.parquet import read_examples, read_rejects, read_rows, write_rows
from storage.store import Store
from tasks.curate import Band, CurateParams, choose, count_overlaps, curate, solved_shares, split_of
from tasks.solve_rate import SOLVED
from tasks.stage import stage
from tests.stages import Note, example, made, one_line, rows_of

BAND = Band(above=0.0, up_to=0.75, correct_from=0.5)
REMOVE = CurateParams(contamination="remove")


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


def rated(id: str, quality: float, **changes: object) -> Example:
    values = dict.fromkeys(DIMENSIONS, 1.0) | {"video_dependency": quality, "audio_dependency": 0.0}
    return example(id, ratings=tuple(Rating(name=n, value=v, rationale="") for n, v in values.items()), **changes)


def with_media(id: str, *digests: str, **changes: object) -> Example:
    return example(id, media=tuple(Media(kind="image", digest=each, path=f"{each}.png") for each in digests), **changes)


def reasons(
    *rows: Example,
    benchmark: tuple[Example, ...] = (),
    params: CurateParams = REMOVE,
    rates: dict[str, float] | None = None,
) -> dict[str, str]:
    """Reason by row, empty for a kept one."""
    kept, rejects = choose(rows, {"bench": benchmark}, params, rates)
    assert len(kept) + len(rejects) == len(rows)
    return {row.source_row: "" for row in kept} | {row.source_row: row.reason for row in rejects}


# Quality


def test_row_under_the_threshold_leaves_and_one_on_it_stays() -> None:
    rows = (rated("low", 0.49), rated("on", 0.5), rated("high", 1.0), example("unrated"))
    found = reasons(*rows, params=CurateParams(min_quality=0.5))
    assert found == {"low": "low_quality", "on": "", "high": "", "unrated": ""}


# Duplicates


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "duplicate"),
        ({"question": "which  COLOUR has the square?"}, "duplicate"),
        ({"question": "Which shape has the square?"}, ""),
        ({"group": "another video"}, ""),
        ({"answer": "B"}, ""),
        ({"options": (("A", "red"), ("B", "green"))}, ""),
    ],
)
def test_same_question_about_the_same_video_is_kept_once(changes: dict[str, object], reason: str) -> None:
    if "options" in changes:
        changes = {"options": tuple({"label": label, "text": text} for label, text in changes["options"])}  # type: ignore[attr-defined]
    same: dict[str, object] = {"question": "Which colour has the square?", "group": "video"}
    assert reasons(example("1", **same), example("2", **(same | changes))) == {"1": "", "2": reason}


def test_row_that_left_for_its_quality_does_not_make_the_next_one_a_duplicate() -> None:
    same = {"question": "q", "group": "video"}
    found = reasons(rated("1", 0.1, **same), rated("2", 0.9, **same), params=CurateParams(min_quality=0.5))
    assert found == {"1": "low_quality", "2": ""}


# Contamination


def test_row_about_a_benchmarks_video_is_removed() -> None:
    assert reasons(example("1", group="shared"), example("2"), benchmark=(example("b", group="shared"),)) == {
        "1": "contaminated",
        "2": "",
    }


def test_row_with_a_benchmarks_file_is_removed_whatever_its_video_is_called() -> None:
    rows = (with_media("1", "aa", "bb"), with_media("2", "cc"), example("3"))
    assert reasons(*rows, benchmark=(with_media("b", "bb", "dd"),)) == {"1": "contaminated", "2": "", "3": ""}


def test_media_that_were_never_found_do_not_meet() -> None:
    assert reasons(with_media("1", ""), benchmark=(with_media("b", ""),)) == {"1": ""}


def test_contamination_stops_the_run_where_that_is_asked_for(runtime: Runtime) -> None:
    rows = rows_of(runtime, example("1", group="shared"), with_media("2", "aa"), example("3"))
    bench = rows_of(runtime, with_media("b", "aa", group="shared"))
    with pytest.raises(UserError, match=r"2 training rows meet a benchmark \(made 2; the first: made/1") as caught:
        curate.fn(CurateParams(contamination="stop"), {"made": rows}, {"bench": bench}, None, runtime)
    assert "--set curation.contamination=remove" in one_line(caught.value)
    assert {manifest.stage for manifest in Store(runtime.store).manifests()} == {"given_rows"}


def test_unknown_way_with_contamination_is_refused() -> None:
    with pytest.raises(ValidationError):
        CurateParams.model_validate({"contamination": "ignore"})


def test_overlaps_are_counted_for_every_pair_also_where_there_are_none() -> None:
    rows = [with_media("1", "aa", group="shared"), with_media("2", "aa"), example("3", source="other")]
    held_out = {"one": [with_media("b", "aa", group="shared")], "two": [example("c")]}
    assert count_overlaps(rows, held_out) == [
        {"source": "made", "benchmark": "one", "rows_by_video": 1, "rows_by_media": 2},
        {"source": "made", "benchmark": "two", "rows_by_video": 0, "rows_by_media": 0},
        {"source": "other", "benchmark": "one", "rows_by_video": 0, "rows_by_media": 0},
        {"source": "other", "benchmark": "two", "rows_by_video": 0, "rows_by_media": 0},
    ]


# Splits

SHARE = CurateParams(validation_share=0.3)


def test_rows_of_one_video_are_in_one_split() -> None:
    rows = [example(f"{video}-{number}", group=f"video-{video}") for video in range(60) for number in range(3)]
    kept, _ = choose(rows, {}, SHARE, None)
    by_video = {row.group: {other.split for other in kept if other.group == row.group} for row in kept}
    assert {len(splits) for splits in by_video.values()} == {1}
    held_out = sum(splits == {"validation"} for splits in by_video.values())
    assert 8 <= held_out <= 28


@given(st.lists(st.text(min_size=1, max_size=5), unique=True, min_size=1, max_size=30), st.integers(0, 3))
def test_split_stays_when_rows_are_added_or_the_share_grows(groups: list[str], seed: int) -> None:
    for group in groups:
        splits = [split_of(group, share, seed) for share in (0.0, 0.1, 0.1, 0.5, 1.0)]
        assert splits == sorted(splits)  # "train" before "validation"
        assert splits[0] == "train" and splits[1] == splits[2] and splits[-1] == "validation"


def test_split_follows_the_seed() -> None:
    splits = [[split_of(str(number), 0.5, seed) for number in range(50)] for seed in (0, 1)]
    assert splits[0] != splits[1]


def test_split_that_a_row_has_already_is_kept() -> None:
    kept, _ = choose([example("1", split="validation")], {}, CurateParams(validation_share=0.0), None)
    assert kept[0].split == "validation"


# Solve rates


def test_band_leaves_out_what_is_always_or_never_solved() -> None:
    rates = {f"made/{name}": rate for name, rate in {"never": 0.0, "some": 0.5, "top": 0.75, "always": 1.0}.items()}
    rows = [example(name, split="train") for name in ("never", "some", "top", "always", "unknown")]
    assert reasons(*rows, params=CurateParams(band=BAND), rates=rates) == {
        "never": "outside_band",
        "some": "",
        "top": "",
        "always": "outside_band",
        "unknown": "no_solve_rate",
    }


def test_held_out_rows_are_not_banded() -> None:
    rows = (example("1", split="validation"), example("2", split="train"))
    found = reasons(*rows, params=CurateParams(band=BAND), rates={"made/1": 1.0, "made/2": 1.0})
    assert found == {"1": "", "2": "outside_band"}


def test_solve_rate_is_the_share_of_known_draws_that_are_right_enough() -> None:
    draws = {"a": [1.0, 0.5, 0.4, 0.0], "b": [None, 1.0], "c": [None, None]}
    rows: list[dict[str, object]] = [
        {"id": name, "draw": place, "value": value}
        for name, values in draws.items()
        for place, value in enumerate(values)
    ]
    assert solved_shares(rows, CurateParams(band=BAND)) == {"a": 0.5, "b": 1.0}


def test_solve_rates_without_a_band_are_a_fault() -> None:
    with pytest.raises(TypeError, match="need a band"):
        solved_shares([], CurateParams())


# The stage


@stage(version="1", kind="predictions")
def drawn(draft, params: Note, runtime: Runtime) -> None:  # type: ignore[no-untyped-def]
    rates = [("made/1", 1.0), ("made/1", 0.0), ("made/2", 0.0), ("made/2", 0.0)]
    rows: list[dict[str, object]] = [
        {"id": id, "draw": place % 2, "value": rate} for place, (id, rate) in enumerate(rates)
    ]
    write_rows(draft.folder / "solved-00000.parquet", rows, SOLVED)


def curated(
    runtime: Runtime, params: CurateParams, rates: Artifact | None, **sources: Artifact
) -> tuple[Path, Manifest]:
    bench = rows_of(runtime, example("b", group="shared"))
    store = Store(runtime.store)
    artifact = made(curate.fn(params, sources, {"bench": bench}, rates, runtime))
    return store.folder(artifact), store.manifest(artifact)


def test_stage_writes_kept_rows_rejects_and_overlaps_that_balance(runtime: Runtime) -> None:
    one = rows_of(runtime, rated("1", 0.9), rated("2", 0.1), rated("3", 0.9, group="shared"))
    two = rows_of(runtime, rated("4", 0.9, source="other"))
    params = CurateParams(contamination="remove", min_quality=0.5)
    folder, manifest = curated(runtime, params, None, one=one, two=two)
    assert [row.source_row for row in read_examples(folder)] == ["1", "4"]
    assert Counter(row.reason for row in read_rejects(folder)) == {"low_quality": 1, "contaminated": 1}
    assert [row["rows_by_video"] for row in read_rows(folder, "overlaps")] == [1, 0]
    assert (manifest.rows.entered, manifest.rows.left) == (4, 2)
    assert manifest.rows.rejected == {"contaminated": 1, "low_quality": 1}
    assert manifest.notes["splits"] == {"train": 2}


def test_stage_keeps_the_band_of_solve_rates(runtime: Runtime) -> None:
    rows = rows_of(runtime, example("1", split="train"), example("2", split="train"), example("3", split="validation"))
    rates = made(drawn(Note(text=""), runtime))
    folder, _ = curated(runtime, CurateParams(band=BAND), rates, rows=rows)
    assert [row.source_row for row in read_examples(folder)] == ["1", "3"]
