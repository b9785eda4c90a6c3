"""The report's funnel: how many rows each source had at first, and how many each step left, with its reasons."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reporting.page import FunnelStep
from reporting.quality import ALL_SOURCES
from schemas.artifact import Rows
from storage.parquet import read_rejects, read_rows

CHOSEN = "chosen and published"


def funnel(steps: Mapping[str, Mapping[str, Rows]], rated: Mapping[str, Path], curated: Path) -> Iterator[FunnelStep]:
    """All sources together, then each, through every step and then through curation.

    steps: counts by step and source. rated: where the rows of each source lie that enter curation; curated: where those
    that it chose do.
    """
    lost = {reject.id: reject.reason for reject in read_rejects(curated)}
    counts = {**steps, CHOSEN: {name: _chosen(folder, lost) for name, folder in rated.items()}}
    for step, sources in counts.items():
        yield FunnelStep(source=ALL_SOURCES, step=step, rows=_sum(sources.values()))
    for name in sorted(rated):
        for step, sources in counts.items():
            yield FunnelStep(source=name, step=step, rows=sources[name])


def _chosen(folder: Path, lost: Mapping[str, str]) -> Rows:
    """The counts of one source in curation, which tells its rejects by id."""
    ids = [row["id"] for row in read_rows(folder, "examples", ("id",))]
    reasons = Counter(lost[id] for id in ids if id in lost)
    return Rows(entered=len(ids), left=len(ids) - reasons.total(), rejected=dict(sorted(reasons.items())))


def _sum(rows: Iterable[Rows]) -> Rows:
    found = list(rows)
    reasons: Counter[str] = Counter()
    for one in found:
        reasons.update(one.rejected)
    return Rows(
        entered=sum(one.entered for one in found),
        left=sum(one.left for one in found),
        rejected=dict(sorted(reasons.items())),
    )
