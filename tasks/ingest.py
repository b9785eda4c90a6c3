"""Read a publisher's rows into examples, and find and probe their media.

Rows are read in blocks (`tasks.reading.blocks`), for a large source by several processes side by side, of this machine
or of a cluster (`tasks.executors`). For training, a row whose medium is missing or cannot be decoded is a reject with
its reason. A benchmark keeps such a row (`keep_unreadable`), so that it is counted as a load error beside every score.
A row that reaches outside its folder stops the run.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.folder import read_entries
from storage.parquet import read_rejects, read_rows, shard_name, write_rows
from storage.store import Store
from tasks import marks
from tasks.executors import crew, is_elsewhere, run_lanes
from tasks.limits import check_reject_share
from tasks.reading.blocks import MEDIA, IngestParams, Lane, read_lane, reader_of
from tasks.reading.removals import ids_of, read_removals, unmatched
from tasks.stage import stage
from tasks.telling import tell

LARGE = 32 * 1024**2
"""Bytes of row files from which several processes pay for their start."""


class IngestRuntime(Runtime):
    """removals: file with ids of rows that must not be used, one a line; its content is identity, its place is not."""

    removals: str | None = None


def _digest_removals(params: Params, runtime: Runtime, store: Store, inputs: Mapping[str, Artifact]) -> str:
    """Of the ids that are this dataset's alone, so that others are not read again for them."""
    del store, inputs
    return ids_of(_removed(params, runtime))


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="4", kind="examples", outside=_digest_removals)
def ingest(draft: Draft, params: IngestParams, source: Artifact, runtime: Runtime) -> None:
    lane = _lane(draft, params, Store(runtime.store), source, runtime)
    if is_elsewhere(runtime) or (runtime.workers > 1 and _is_large(params.dataset, Path(lane.source))):
        with crew(runtime) as by:
            jobs = [lane.model_copy(update={"index": index, "of": by.lanes}) for index in range(by.lanes)]
            run_lanes("tasks.reading.lane", jobs, by, draft, runtime)
    else:
        read_lane(lane.model_copy(update={"probers": runtime.workers}), lambda rows: draft.progress(rows, 0, "rows"))
    marks.count_all(draft)
    _check_removals(draft, params, _removed(params, runtime))
    _check(draft, params)
    draft.notes["media"] = dict(sorted(_gather_media(draft).items()))


def _lane(draft: Draft, params: IngestParams, store: Store, source: Artifact, runtime: Runtime) -> Lane:
    """The whole source as one lane."""
    removed = draft.work / "removed.txt"
    removed.write_text("\n".join(_removed(params, runtime)))
    return Lane(
        params=params,
        source=str(store.folder(source)),
        blobs=str(store.blobs),
        probes=str(Path(runtime.responses) / store.probes.name if runtime.responses else store.probes),
        folder=str(draft.folder),
        work=str(draft.work),
        removed=str(removed),
    )


def _removed(params: Params, runtime: Runtime) -> list[str]:
    if not isinstance(params, IngestParams):
        raise TypeError("ingestion needs IngestParams")
    named = runtime.removals if isinstance(runtime, IngestRuntime) else None
    return read_removals(Path(named), params.dataset) if named else []


def _is_large(dataset: str, source: Path) -> bool:
    patterns = reader_of(dataset).files
    last_parts = ((entry.path.rpartition("/")[2], entry.size) for entry in read_entries(source))
    return sum(size for name, size in last_parts if any(fnmatchcase(name, one) for one in patterns)) >= LARGE


def _check_removals(draft: Draft, params: IngestParams, listed: Sequence[str]) -> None:
    """Say how many ids of the removal list name no row that was read."""
    if not listed:
        return
    rejects = read_rows(draft.folder, "rejects", ("id", "reason"))
    removed = frozenset(str(row["id"]) for row in rejects if row["reason"] == "removed")
    missing = unmatched(listed, removed, params.dataset, whole=params.take == "all")
    draft.notes["removals"] = {"listed": len(listed), "unmatched": len(missing)}
    if missing:
        tell(f"{len(missing)} of {len(listed)} ids on the removal list name no row that was read, such as {missing[0]}")


def _check(draft: Draft, params: IngestParams) -> None:
    first = next(read_rejects(draft.folder), None)
    if first:
        shown = f"{first.source_row}, {first.detail}"
        check_reject_share(draft, params.max_reject_share, f"reading {params.dataset}", shown)


def _gather_media(draft: Draft) -> Counter[str]:
    """Write the table of media, each file once, and count them: kinds, faults, and sound that is not there."""
    counts: Counter[str] = Counter()

    def once() -> Iterator[dict[str, object]]:
        seen: set[object] = set()
        for row in read_rows(draft.work, "media"):
            if row["digest"] not in seen:
                seen.add(row["digest"])
                counts.update(_labels(row))
                yield row

    write_rows(draft.folder / shard_name("media", 0), once(), MEDIA)
    return counts


def _labels(row: Mapping[str, object]) -> Iterator[str]:
    yield str(row["fault"] or row["kind"])
    if row["kind"] == "video" and not row["has_audio"]:
        yield "video without sound"
    if row["short_audio"]:
        yield "video whose sound ends early"
