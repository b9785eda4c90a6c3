"""The report's section on the quality of the data, gathered from reading, rewriting, rating and curation."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from llm.prompts.rate import DIMENSIONS, composite
from reporting.histograms import COMPOSITE, histogram_plot, histograms
from reporting.quality import QualitySection, Step, outcomes
from storage.parquet import read_rows
from tasks.passages import CURATION, Folders, Passage, passages, whole_way
from tasks.reported_pairs import reported_pairs

_NOTE = (
    "Reading leaves out rows that cannot be read or shown; rewriting, a reply that breaks a rule or is refused by the "
    "provider; rating, a reply that is no rating; curation, rows that meet a benchmark, repeat another, are rated "
    "under the threshold, or are not taken by the mix."
)
_COLUMNS = ("id", "context", "think", "ratings.list.element.name", "ratings.list.element.value")


def quality_section(folders: Folders, blobs: Path, min_quality: float, shown: int, seed: int) -> QualitySection:
    """Outcomes by source and step, histograms of what was rated, and up to `shown` pairs of rows side by side."""
    found = list(passages(folders))
    spreads = histograms(_measured(passage for passage in found if passage.step == CURATION))
    return QualitySection(
        note=_NOTE,
        outcomes=outcomes(list(_steps(found)), seed),
        min_quality=min_quality,
        histograms=spreads,
        plots=tuple(histogram_plot(one, min_quality) for one in spreads),
        pairs=tuple(reported_pairs(found, blobs, shown, seed)),
    )


def _steps(found: Iterable[Passage]) -> Iterator[Step]:
    for _, way in groupby(found, lambda passage: passage.source):
        steps = list(way)
        yield whole_way(steps)
        yield from (passage.counted() for passage in steps)


def _measured(found: Iterable[Passage]) -> Iterator[tuple[dict[str, float], bool]]:
    """Ratings and lengths of all rated rows, which are those that enter curation, and whether it keeps the row."""
    for passage in found:
        for row in read_rows(passage.examples, "examples", _COLUMNS):
            ratings = {rating["name"]: rating["value"] for rating in row["ratings"]}
            lengths = {f"{name} words": len(row[name].split()) for name in ("context", "think")}
            asked = {name: ratings.pop(name) for name in DIMENSIONS}
            yield asked | {COMPOSITE: composite(asked)} | ratings | lengths, row["id"] not in passage.rejects
