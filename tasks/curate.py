"""Choose the rows to train on: clear of benchmarks, good enough, asked once, split by video, mixed and capped.

Everything here is cheap and pays no one, so that a threshold can be moved without rewriting or rating again. Rows are
judged by their outlines, then streamed from the sources to the result in their order: sources by name, rows as read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.curation import Choosing
from schemas.example import EXAMPLES, REJECTS, Reject
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import ROW_GROUP, read_batches, read_rows, shard_name, write_rows, write_shards
from storage.store import Store
from tasks.curation.contamination import (
    OVERLAPS,
    Meetings,
    contaminated,
    count_overlaps,
    find_meetings,
    refuse_overlaps,
)
from tasks.curation.duplicates import nearly_repeated, repeated
from tasks.curation.mixing import not_taken, over_cap
from tasks.curation.outline import Outline, Verdicts, read_outlines, require_unique_ids
from tasks.curation.quality import Band, outside_band, solved_shares, too_poor
from tasks.curation.splits import with_splits
from tasks.stage import stage

Choice = Callable[[Sequence[Outline]], Verdicts]


class CurateParams(Choosing, Params):
    """How rows are chosen. band: needs solve rates."""

    band: Band | None = None


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="3", kind="examples")
def curate(
    draft: Draft,
    params: CurateParams,
    sources: Mapping[str, Artifact],
    benchmarks: Mapping[str, Artifact],
    solve_rates: Artifact | None,
    runtime: Runtime,
) -> None:
    store = Store(runtime.store)
    folders = {name: store.folder(sources[name]) for name in sorted(sources)}
    held_out = read_outlines({name: store.folder(benchmarks[name]) for name in sorted(benchmarks)})
    rows = with_splits(read_outlines(folders), params.validation_share, params.seed)
    require_unique_ids(rows)
    meetings = find_meetings(rows, held_out, params.ngram_share)
    overlaps = count_overlaps(rows, meetings, folders, sorted(benchmarks))
    if params.contamination == "stop":
        refuse_overlaps(overlaps, meetings)
    rates = _solved(store, solve_rates, params.band)
    verdicts = choose(rows, choices(params, meetings, rates))
    write_rows(draft.folder / shard_name("overlaps", 0), (overlap._asdict() for overlap in overlaps), OVERLAPS)
    write_shards(draft.folder, "examples", _kept(folders, rows, verdicts), EXAMPLES)
    write_shards(draft.folder, "rejects", _rejects(rows, verdicts), REJECTS)
    draft.entered, draft.left = len(rows), len(rows) - len(verdicts)
    draft.rejected.update(verdict.reason for verdict in verdicts.values())
    draft.notes["splits"] = dict(Counter(row.split for row in rows if row.id not in verdicts))


def choices(params: CurateParams, meetings: Meetings, rates: Mapping[str, float] | None) -> Iterator[Choice]:
    """What the rows are asked, in this order: each choice sees the rows that the ones before it left."""
    yield partial(contaminated, meetings=meetings)
    yield partial(too_poor, least=params.min_quality)
    yield repeated
    if params.near_duplicate is not None:
        yield partial(nearly_repeated, least=params.near_duplicate)
    if params.band is not None and rates is not None:
        yield partial(outside_band, band=params.band, rates=rates)
    yield partial(not_taken, mix=params.mix, seed=params.seed)
    if params.balance is not None:
        yield partial(over_cap, balance=params.balance, seed=params.seed)


def choose(rows: Sequence[Outline], asked: Iterable[Choice]) -> Verdicts:
    """Verdicts on the rows that leave, each for the first reason it meets."""
    verdicts: Verdicts = {}
    for choice in asked:
        verdicts |= choice([row for row in rows if row.id not in verdicts])
    return verdicts


def _solved(store: Store, solve_rates: Artifact | None, band: Band | None) -> dict[str, float] | None:
    if (solve_rates is None) != (band is None):
        raise TypeError("a band needs solve rates, and solve rates a band")
    if solve_rates is None or band is None:
        return None
    return solved_shares(read_rows(store.folder(solve_rates), "solved"), band.correct_from)


def _kept(folders: Mapping[str, Path], rows: Iterable[Outline], verdicts: Verdicts) -> Iterator[pa.Table]:
    """The rows that stay, read again in the order of their outlines, with their splits."""
    coming, place = iter(rows), EXAMPLES.get_field_index("split")
    for folder in folders.values():
        for batch in read_batches(folder, "examples"):
            here = list(islice(coming, batch.num_rows))
            splits = pa.array([row.split for row in here], pa.string())
            stays = pa.array([row.id not in verdicts for row in here], pa.bool_())
            table = pa.Table.from_batches([batch]).set_column(place, EXAMPLES.field(place), splits)
            yield table.filter(stays)


def _rejects(rows: Iterable[Outline], verdicts: Verdicts) -> Iterator[pa.Table]:
    leaving = (row for row in rows if row.id in verdicts)
    while here := list(islice(leaving, ROW_GROUP)):
        yield pa.Table.from_pylist([_reject(row, verdicts).model_dump() for row in here], REJECTS)


def _reject(row: Outline, verdicts: Verdicts) -> Reject:
    verdict = verdicts[row.id]
    return Reject(id=row.id, source=row.source, source_row=row.source_row, reason=verdict.reason, detail=verdict.detail)
