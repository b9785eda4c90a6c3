"""Training rows that meet a benchmark: by their video, by one of their files, or by the words of their question.

A video is in a benchmark where a row there has the same group, or where files lead from one to the other
(`tasks.curation.videos`): what one source ships cut or encoded anew is met through another that ships it as it was.
What makes two questions the same is told in `tasks.curation.questions`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import pyarrow as pa

from schemas.values import UserError
from tasks.curation.outline import Outline, Verdict, Verdicts
from tasks.curation.questions import same_questions
from tasks.curation.videos import videos_of

_KINDS = {"video": "video", "media": "file", "question": "question"}

OVERLAPS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("rows_by_video", pa.int64(), nullable=False),
        pa.field("rows_by_media", pa.int64(), nullable=False),
        pa.field("rows_by_question", pa.int64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
    ]
)


class Overlap(NamedTuple):
    """How many rows of a source meet a benchmark: in each of the three ways, and in any."""

    source: str
    benchmark: str
    rows_by_video: int
    rows_by_media: int
    rows_by_question: int
    rows: int


class Meeting(NamedTuple):
    """One way in which a row meets a benchmark: by `video`, `media` or `question`. detail: what was seen."""

    benchmark: str
    kind: str
    detail: str


Meetings = dict[str, list[Meeting]]
"""The meetings of rows that have any, by row id; the first says best why."""


class _HeldOut(NamedTuple):
    """Which benchmarks have a group, a file, or a video whatever it is called."""

    groups: Mapping[str, set[str]]
    files: Mapping[str, set[str]]
    videos: Mapping[str, set[str]]


def find_meetings(rows: Sequence[Outline], held_out: Sequence[Outline], share: float) -> Meetings:
    """All meetings of training rows with benchmarks. share: of 8-grams, 0 to 1."""
    videos = videos_of(chain(rows, held_out))
    there = _there(held_out, videos)
    asked = same_questions(rows, held_out, share)
    found = ((row.id, list(_of(row, videos[row.group], there, asked.get(row.id, {})))) for row in rows)
    return {id: meetings for id, meetings in found if meetings}


def _there(held_out: Iterable[Outline], videos: Mapping[str, str]) -> _HeldOut:
    there = _HeldOut(defaultdict(set), defaultdict(set), defaultdict(set))
    for item in held_out:
        there.groups[item.group].add(item.origin)
        there.videos[videos[item.group]].add(item.origin)
        for digest in item.digests:
            there.files[digest].add(item.origin)
    return there


def _of(row: Outline, video: str, there: _HeldOut, asked: Mapping[str, str]) -> Iterator[Meeting]:
    """A row's meetings; by files of its video only where its own did not meet."""
    named = there.groups.get(row.group, frozenset())
    filed = {name for digest in row.digests for name in there.files.get(digest, ())}
    for name in sorted(named):
        yield Meeting(name, "video", f"video {row.group} is in {name}")
    for name in sorted(there.videos.get(video, set()) - named - filed):
        yield Meeting(name, "video", f"video {row.group} is in {name}, as other rows' files show")
    for name in sorted(filed):
        yield Meeting(name, "media", f"one of its files is in {name}")
    for name, detail in sorted(asked.items()):
        yield Meeting(name, "question", detail)


def count_overlaps(
    rows: Iterable[Outline], meetings: Meetings, sources: Iterable[str], benchmarks: Sequence[str]
) -> list[Overlap]:
    """A line for every source and benchmark, also where they have nothing in common."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        met = meetings.get(row.id, ())
        counts.update({(row.origin, meeting.benchmark, meeting.kind) for meeting in met})
        counts.update({(row.origin, meeting.benchmark, "any") for meeting in met})
    return [
        Overlap(source, benchmark, *(counts[source, benchmark, kind] for kind in (*_KINDS, "any")))
        for source in sources
        for benchmark in benchmarks
    ]


def contaminated(rows: Iterable[Outline], meetings: Meetings) -> Verdicts:
    """Verdicts on all rows that meet a benchmark."""
    return {row.id: Verdict("contaminated", meetings[row.id][0].detail) for row in rows if row.id in meetings}


def refuse_overlaps(overlaps: Iterable[Overlap], meetings: Meetings) -> None:
    """Raises UserError that shows the counts of every source and benchmark that meet, if any do."""
    if meetings:
        id, (first, *_) = next(iter(meetings.items()))
        raise UserError(
            f"{len(meetings)} training rows meet a benchmark: {'; '.join(map(_line, filter(_any, overlaps)))} (the "
            f"first: {id}, {first.detail}); drop them with --set curation.contamination=remove, or evaluate on another "
            "benchmark"
        )


def _any(overlap: Overlap) -> bool:
    return overlap.rows > 0


def _line(overlap: Overlap) -> str:
    by = zip(_KINDS.values(), (overlap.rows_by_video, overlap.rows_by_media, overlap.rows_by_question), strict=True)
    ways = ", ".join(f"{count} by {kind}" for kind, count in by)
    return f"{overlap.rows} of {overlap.source} in {overlap.benchmark} ({ways})"
