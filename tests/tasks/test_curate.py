"""Choosing rows: every row that leaves has a reason, and what stays is what was there, in its order."""

from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from llm.prompts.rate import DIMENSIONS
from schemas.artifact import Artifact, Manifest
from schemas.curation import Balance
from schemas.example import Example, Media, Provenance, Rating
from schemas.runtime import Runtime
from schemas.values import UserError
from storage.parquet import read_examples, read_rejects, read_rows, write_rows
from storage.store import Store
from tasks.curate import CurateParams, choices, choose, curate
from tasks.curation.contamination import find_meetings
from tasks.curation.quality import Band, solved_shares
from tasks.curation.splits import with_splits
from tasks.solve_rate import SOLVED
from tasks.stage import stage
from tests.stages import Note, example, files_below, made, one_line, rows_of
from tests.tasks.outlines import outlines, reasons_by_row

BAND = Band(above=0.0, up_to=0.75, correct_from=0.5)
REMOVE = CurateParams(contamination="remove")
LONG = "Why does the woman in the blue coat leave the room?"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


def rated(id: str, quality: float, **changes: object) -> Example:
    values = dict.fromkeys(DIMENSIONS, 1.0) | {"video_dependency": quality, "audio_dependency": 0.0}
    return example(id, ratings=tuple(Rating(name=n, value=v, rationale="") for n, v in values.items()), **changes)


def reasons(
    *examples: Example,
    benchmark: tuple[Example, ...] = (),
    params: CurateParams = REMOVE,
    rates: dict[str, float] | None = None,
) -> dict[str, str]:
    """Reason by row, empty for a kept one."""
    rows = with_splits(outlines(*examples), params.validation_share, params.seed)
    meetings = find_meetings(rows, outlines(*benchmark, origin="bench"), params.ngram_share)
    return reasons_by_row(rows, choose(rows, choices(params, meetings, rates)))


# One reason a row


def test_row_under_the_threshold_leaves_and_one_on_it_stays() -> None:
    rows = (rated("low", 0.49), rated("on", 0.5), rated("high", 1.0), example("unrated"))
    found = reasons(*rows, params=CurateParams(min_quality=0.5))
    assert found == {"low": "low_quality", "on": "", "high": "", "unrated": ""}


def test_row_that_left_for_its_quality_does_not_make_the_next_one_a_duplicate() -> None:
    same = {"question": "q", "group": "video"}
    found = reasons(rated("1", 0.1, **same), rated("2", 0.9, **same), params=CurateParams(min_quality=0.5))
    assert found == {"1": "low_quality", "2": ""}


def test_row_that_meets_a_benchmark_counts_as_that_whatever_else_is_wrong_with_it() -> None:
    rows = (rated("1", 0.1, group="shared"), rated("2", 0.9, group="shared"))
    found = reasons(*rows, benchmark=(example("b", group="shared"),), params=CurateParams(min_quality=0.5))
    assert found == {"1": "contaminated", "2": "contaminated"}


def test_near_duplicates_stay_where_no_threshold_is_set() -> None:
    rows = (example("1", question=LONG, group="video"), example("2", question=f"{LONG} Say!", group="video"))
    assert reasons(*rows) == {"1": "", "2": "near_duplicate"}
    assert reasons(*rows, params=CurateParams(near_duplicate=None)) == {"1": "", "2": ""}


def test_share_of_a_source_is_of_its_rows_that_passed_every_filter_and_caps_come_last() -> None:
    rows = [rated(str(number), 0.1 if number < 4 else 0.9, categories={"type": "what"}) for number in range(10)]
    params = CurateParams(min_quality=0.5, mix={"made": "first:50%"}, balance=Balance(field="type", cap=2))
    assert Counter(reasons(*rows, params=params).values()) == {"low_quality": 4, "not_taken": 3, "over_cap": 1, "": 2}


@pytest.mark.parametrize(
    "params",
    [
        {"contamination": "ignore"},
        {"mix": {"made": "some"}},
        {"near_duplicate": 1.5},
        {"ngram_share": 0},
        {"balance": {"field": "type", "cap": 0}},
    ],
)
def test_value_without_a_meaning_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CurateParams.model_validate(params)


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
    rows = [
        {"id": name, "draw": place, "value": value}
        for name, values in draws.items()
        for place, value in enumerate(values)
    ]
    assert solved_shares(rows, correct_from=0.5) == {"a": 0.5, "b": 1.0}


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
    lines = [(row["source"], row["rows_by_video"], row["rows"]) for row in read_rows(folder, "overlaps")]
    assert lines == [("one", 1, 1), ("two", 0, 0)]
    assert (manifest.rows.entered, manifest.rows.left) == (4, 2)
    assert manifest.rows.rejected == {"contaminated": 1, "low_quality": 1}
    assert manifest.notes["splits"] == {"train": 2}


def test_contamination_stops_the_run_and_publishes_nothing(runtime: Runtime) -> None:
    clip = Media(kind="image", digest="aa", path="a.png")
    rows = rows_of(runtime, example("1", group="shared"), example("2", media=(clip,)), example("3"))
    bench = rows_of(runtime, example("b", group="shared", media=(clip,)))
    with pytest.raises(
        UserError, match=r"^2 training rows meet a benchmark: 2 of made in bench \(1 by video, 1 by"
    ) as caught:
        curate.fn(CurateParams(), {"made": rows}, {"bench": bench}, None, runtime)
    assert "the first: made/1" in one_line(caught.value)
    assert {manifest.stage for manifest in Store(runtime.store).manifests()} == {"given_rows"}


def test_kept_rows_are_what_they_were_but_for_their_split(runtime: Runtime) -> None:
    full = rated(
        "1",
        0.9,
        media=(Media(kind="video", digest="a" * 64, path="a.mp4", start=0.5, duration=9.0, has_audio=True),),
        categories={"type": "what"},
        context="a scene",
        think="so",
        provenance=(Provenance(field="think", provider="p", model="m", prompt="rewrite@1", request="r"),),
    )
    folder, _ = curated(runtime, REMOVE, None, one=rows_of(runtime, full))
    assert list(read_examples(folder)) == [full.model_copy(update={"split": "train"})]


def test_rows_come_in_the_order_of_their_sources_across_shards(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.parquet.ROWS_PER_SHARD", 4)
    sources = {name: rows_of(runtime, *(example(f"{name}{n}") for n in range(5))) for name in ("b", "a")}
    folder, _ = curated(runtime, REMOVE.model_copy(update={"mix": {"a": "last:4"}}), None, **sources)
    assert [row.source_row for row in read_examples(folder)] == [
        *(f"a{n}" for n in range(1, 5)),
        *(f"b{n}" for n in range(5)),
    ]
    assert len(list(folder.glob("examples-*.parquet"))) == 3
    assert [row.source_row for row in read_rejects(folder)] == ["a0"]


def test_same_rows_give_the_same_bytes_in_another_store(tmp_path: Path) -> None:
    folders = []
    for name in ("one", "two"):
        runtime = Runtime(store=str(tmp_path / name))
        rows = rows_of(runtime, *(example(str(n), group=f"v{n % 3}") for n in range(9)))
        params = CurateParams(validation_share=0.5, mix={"made": "random:50%"})
        folders.append(curated(runtime, params, None, made=rows)[0])
    first, second = (files_below(folder) for folder in folders)
    assert {name: first[name] for name in first if name != "manifest.json"} == {
        name: second[name] for name in second if name != "manifest.json"
    }


def test_source_without_rows_still_has_its_overlaps(runtime: Runtime) -> None:
    folder, manifest = curated(runtime, REMOVE, None, empty=rows_of(runtime))
    assert list(read_examples(folder)) == [] and manifest.rows.entered == 0
    assert [row["source"] for row in read_rows(folder, "overlaps")] == ["empty"]


def test_row_that_two_sources_hold_is_refused_with_both_names(runtime: Runtime) -> None:
    one, two = rows_of(runtime, example("1"), example("2")), rows_of(runtime, example("2"), example("3"))
    with pytest.raises(UserError, match=r"made/2 comes from source 'one' and again from source 'two'.*take") as caught:
        curated(runtime, REMOVE, None, one=one, two=two)
    one_line(caught.value)


def test_stage_keeps_the_band_of_solve_rates(runtime: Runtime) -> None:
    rows = rows_of(runtime, example("1", split="train"), example("2", split="train"), example("3", split="validation"))
    rates = made(drawn(Note(text=""), runtime))
    folder, _ = curated(runtime, CurateParams(band=BAND), rates, rows=rows)
    assert [row.source_row for row in read_examples(folder)] == ["1", "3"]


def test_solve_rates_without_a_band_are_a_fault(runtime: Runtime) -> None:
    rates = made(drawn(Note(text=""), runtime))
    with pytest.raises(TypeError, match="a band needs solve rates"):
        curated(runtime, CurateParams(), rates, rows=rows_of(runtime, example("1")))
