"""A source's rows in blocks: the unit in which they are read, resumed, and shared out between processes.

Block b holds the b-th thousands of the rows that a source's rule takes, and what becomes of it depends on nothing
else, so the same bytes come out however many processes share the work and whichever died on the way.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from media.probe import Probe, Unreadable
from schemas.example import Example, Reject
from schemas.takes import Take
from schemas.values import Params, UserError, Value
from storage.folder import Folder, read_listing
from storage.parquet import shard_name, write_rows
from storage.probes import ProbeCache
from tasks import marks
from tasks.benchmarks import BENCHMARKS
from tasks.collecting import collecting_rarely
from tasks.datasets import DATASETS
from tasks.reader import Reader
from tasks.reading import found
from tasks.reading.row import Pending
from tasks.taking import take

ROWS = 2048
"""Rows of a block: some ten megabytes of examples."""

_PROBE_SECONDS = 30.0

MEDIA = pa.schema(
    [
        pa.field("digest", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("fault", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("duration", pa.float64()),
        pa.field("frames", pa.int32()),
        pa.field("fps", pa.float64()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("rotation", pa.int32()),
        pa.field("video_streams", pa.int32()),
        pa.field("video_track", pa.int32()),
        pa.field("audio_streams", pa.int32()),
        pa.field("audio_track", pa.int32()),
        pa.field("has_audio", pa.bool_()),
        pa.field("audio_duration", pa.float64()),
        pa.field("short_audio", pa.bool_()),
        pa.field("sample_rate", pa.int32()),
    ]
)
"""Every file once: what probing found, or in `fault` and `detail` why it cannot be used."""


class IngestParams(Params):
    """dataset: name of the reader. take: which rows. keep_unreadable: for benchmarks, rows whose media cannot be
    read stay. max_reject_share: stop above it."""

    dataset: str
    revision: str
    take: Take = "all"
    seed: int = 0
    keep_unreadable: bool = False
    max_reject_share: float = 1.0


class Lane(Value):
    """One process's share: blocks `index`, `index + of`, `index + 2 of`...

    source: folder of the listing. blobs, probes: the store's. folder, work: of the draft. removed: file with ids to
    leave out, one a line. probers: processes for probing. parent: pipe to watch.
    """

    params: IngestParams
    source: str
    blobs: str
    probes: str
    folder: str
    work: str
    removed: str | None = None
    index: int = 0
    of: int = 1
    probers: int = 1
    parent: str | None = None


def reader_of(dataset: str) -> Reader:
    """Raises UserError for an unknown dataset or benchmark."""
    readers = DATASETS | BENCHMARKS
    if dataset not in readers:
        raise UserError(f"unknown dataset {dataset!r}: choose one of {', '.join(sorted(readers))}")
    return readers[dataset]


_YOUNG = 500_000


def read_lane(lane: Lane, done: Callable[[int], None] | None = None) -> None:
    """Read the blocks of a lane that are not done yet; `done` is told the rows passed, its own and others'."""
    folder = read_listing(Path(lane.source), Path(lane.blobs), lane.params.revision)
    removed = frozenset(Path(lane.removed).read_text().splitlines()) if lane.removed else frozenset[str]()
    passed = 0
    with ProbeCache(Path(lane.probes)) as probes, collecting_rarely(_YOUNG):
        for index, block in enumerate(_blocks(_taken(lane.params, folder))):
            passed += len(block)
            if index % lane.of == lane.index and not marks.is_done(Path(lane.work), index):
                _read_block(lane, index, block, folder, removed, probes)
                if done:
                    done(passed)


def _taken(params: IngestParams, folder: Folder) -> Iterator[Pending]:
    """The rows that the rule takes; counted first where the rule needs their number."""
    reader = reader_of(params.dataset)
    rows = reader.pending(folder)
    if params.take == "all":
        return rows
    count = sum(1 for _ in reader.pending(folder))
    chosen = frozenset(take(range(count), params.take, params.seed))
    return (row for place, row in enumerate(rows) if place in chosen)


def _blocks(rows: Iterator[Pending]) -> Iterator[list[Pending]]:
    while block := list(islice(rows, ROWS)):
        yield block


def _read_block(
    lane: Lane, index: int, block: Sequence[Pending], folder: Folder, removed: frozenset[str], probes: ProbeCache
) -> None:
    rows = [_read(pending, removed) for pending in block]
    files = found.digests(rows, folder)
    places = {digest: folder.local(name) for digest, name in files.items()}
    probed = dict(probes.probe_all(places, lane.probers, _PROBE_SECONDS))
    write_rows(Path(lane.work) / shard_name("media", index), _described(files, probed), MEDIA)
    shard = marks.Shard.of(_finished(row, folder, probed, lane.params) for row in rows)
    marks.finish(Path(lane.folder), Path(lane.work), index, len(block), shard)


def _read(pending: Pending, removed: frozenset[str]) -> Example | Reject:
    if removed and pending.row.id in removed:
        return pending.row.reject("removed", "its id is on the removal list", shown=False)
    return pending.read()


def _finished(row: Example | Reject, folder: Folder, probes: found.Probes, params: IngestParams) -> Example | Reject:
    if isinstance(row, Reject):
        return row
    return found.with_media(row, folder, probes, params.keep_unreadable)


def _described(files: dict[str, str], probes: found.Probes) -> Iterator[dict[str, object]]:
    for digest, path in files.items():
        probe = probes[digest]
        fault = probe if isinstance(probe, Unreadable) else Unreadable.model_construct(reason="", detail="")
        measured = probe.model_dump() if isinstance(probe, Probe) else {}
        yield {"digest": digest, "path": path, "fault": fault.reason, "detail": fault.detail, **measured}
