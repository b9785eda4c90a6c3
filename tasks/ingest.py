"""Read a publisher's rows into examples, and find and probe their media.

For training, a row whose medium is missing or cannot be decoded is a reject with its reason. A benchmark keeps such a
row (`keep_unreadable`), so that it is counted as a load error beside every score. A row that reaches outside its
folder stops the run.
"""

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE

from media.probe import Probe, Unreadable, probe_all
from schemas.artifact import Artifact
from schemas.example import Example, Media, Reject
from schemas.values import Params, Runtime, UserError
from storage.draft import Draft
from storage.folder import Folder, read_listing
from storage.parquet import shard_name, write_examples, write_rejects
from storage.store import Store
from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS
from tasks.limits import check_reject_share
from tasks.reader import Reader
from tasks.stage import stage

_PROBE_SECONDS = 30.0
Row = Example | Reject
Probes = Mapping[Path, Probe | Unreadable]


class IngestParams(Params):
    """dataset: name of the reader. take: which rows (see schemas.recipe.Source). max_reject_share: stop above it."""

    dataset: str
    revision: str
    take: str = "all"
    seed: int = 0
    keep_unreadable: bool = False
    max_reject_share: float = 1.0


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="examples")
def ingest(draft: Draft, params: IngestParams, source: Artifact, runtime: Runtime) -> None:
    store = Store(runtime.store)
    folder = read_listing(store.folder(source), store.blobs)
    reader = reader_of(params.dataset)
    rows = take(list(reader.read(folder)), params.take, params.seed)
    probes = _probe(rows, folder, runtime.workers)
    done = [_with_media(row, folder, probes, params) for row in rows]
    examples = [row for row in done if isinstance(row, Example)]
    rejects = [row for row in done if isinstance(row, Reject)]
    draft.entered, draft.left = len(done), len(examples)
    draft.rejected.update(reject.reason for reject in rejects)
    if rejects:
        first = f"{rejects[0].source_row}, {rejects[0].detail}"
        check_reject_share(draft, params.max_reject_share, f"reading {params.dataset}", first)
    write_examples(draft.folder / shard_name("examples", 0), examples)
    write_rejects(draft.folder / shard_name("rejects", 0), rejects)


def reader_of(dataset: str) -> Reader:
    """Raises UserError for an unknown dataset or benchmark."""
    readers = DATASETS | BENCHMARKS
    if dataset not in readers:
        raise UserError(f"unknown dataset {dataset!r}: choose one of {', '.join(sorted(readers))}")
    return readers[dataset]


def take(rows: Sequence[Row], rule: str, seed: int) -> list[Row]:
    """The rows that `all`, `first:10`, `last:50%` or `random:50%` names; a share is rounded up."""
    if rule == "all":
        return list(rows)
    how, _, amount = rule.partition(":")
    count = math.ceil(len(rows) * int(amount[:-1]) / 100) if amount.endswith("%") else int(amount)
    count = min(count, len(rows))
    if how == "random":
        chosen = sorted(random.Random(seed).sample(range(len(rows)), count))
        return [rows[index] for index in chosen]
    return list(rows[:count] if how == "first" else rows[len(rows) - count :])


def _probe(rows: Iterable[Row], folder: Folder, workers: int) -> Probes:
    paths = {folder.local(medium.path) for medium in _media(rows) if medium.path in folder}
    return probe_all(sorted(paths), workers, _PROBE_SECONDS)


def _media(rows: Iterable[Row]) -> Iterator[Media]:
    for row in rows:
        if isinstance(row, Example):
            yield from row.media


def _with_media(row: Row, folder: Folder, probes: Probes, params: IngestParams) -> Row:
    """The row with its media's digests and measures, or a reject that says which medium failed and how."""
    if isinstance(row, Reject):
        return row
    found = [_found(medium, folder, probes) for medium in row.media]
    media = _heard_once([medium for medium, _ in found])
    fault = next((fault for _, fault in found if fault), None)
    if fault and not params.keep_unreadable:
        shown = row.model_dump_json(include={"question", "answer", "media"})
        return Reject(
            id=row.id,
            source=row.source,
            source_row=row.source_row,
            reason=fault.reason,
            detail=fault.detail,
            row=shown,
        )
    return row.model_copy(update={"media": media, "source_revision": params.revision})


def _heard_once(media: Sequence[Media]) -> tuple[Media, ...]:
    """The media without a separate sound file where the video holds its own sound: Daily-Omni ships both."""
    if any(medium.kind == "video" and medium.has_audio for medium in media):
        return tuple(medium for medium in media if medium.kind != "audio")
    return tuple(media)


class _Fault(NamedTuple):
    reason: str
    detail: str


def _found(medium: Media, folder: Folder, probes: Probes) -> tuple[Media, _Fault | None]:
    """The medium as the folder has it, and what is wrong with it."""
    if medium.path not in folder:
        return medium, _Fault("missing_media", f"{medium.path} is not in the folder")
    probe = probes[folder.local(medium.path)]
    named = medium.model_copy(update={"digest": folder.entry(medium.path).digest})
    if isinstance(probe, Unreadable):
        return named, _Fault(f"{probe.reason}_media", f"{medium.path}: {probe.detail}")
    if probe.kind != medium.kind:
        return named, _Fault("wrong_media_kind", f"{medium.path} is {probe.kind}, not {medium.kind}")
    measured = probe.model_dump(include={"duration", "fps", "width", "height", "has_audio", "sample_rate"})
    return named.model_copy(update=measured), None
