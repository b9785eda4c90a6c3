"""Training rows that meet a benchmark: by their video, by one of their files, or by the words of their question.

A row meets a benchmark by its question when one question there holds at least a chosen share of its 8-grams: runs of
eight words (of Chinese, characters). Runs that are asked of more than three videos, of the benchmarks or of training,
belong to a template and are left out first, so that a wording which many rows share takes none of them away.

A question under eight words has no run, as "What is happening?" may be asked of anything. It meets an equal question
with an equal gold answer, where that answer has eight words or more; otherwise only its video and files can tell.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from schemas.values import UserError
from tasks.curation.outline import Outline, Verdict, Verdicts
from tasks.curation.words import Words, runs, words

_RUN = 8
_TEMPLATE_VIDEOS = 3
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


def find_meetings(rows: Sequence[Outline], held_out: Sequence[Outline], share: float) -> Meetings:
    """All meetings of training rows with benchmarks. share: of a row's 8-grams in one question, 0 to 1."""
    videos: dict[str, set[str]] = defaultdict(set)
    files: dict[str, set[str]] = defaultdict(set)
    for item in held_out:
        videos[item.group].add(item.origin)
        for digest in item.digests:
            files[digest].add(item.origin)
    asked = _same_questions(rows, held_out, share)
    meetings: Meetings = {}
    for row in rows:
        met = {name for digest in row.digests for name in files.get(digest, ())}
        found = [
            Meeting(name, "video", f"video {row.group} is in {name}") for name in sorted(videos.get(row.group, ()))
        ]
        found += [Meeting(name, "media", f"one of its files is in {name}") for name in sorted(met)]
        found += [Meeting(name, "question", detail) for name, detail in sorted(asked.get(row.id, {}).items())]
        if found:
            meetings[row.id] = found
    return meetings


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


def _same_questions(rows: Iterable[Outline], held_out: Iterable[Outline], share: float) -> dict[str, dict[str, str]]:
    """What each row's question has in common with a benchmark's, by row id and benchmark."""
    asked: dict[Words, list[Outline]] = defaultdict(list)
    for item in held_out:
        for mark in _marks(item):
            asked[mark].append(item)
    candidates, videos = _sharing(rows, asked)
    templates = {mark for mark in asked if _is_template({item.group for item in asked[mark]}, videos[mark])}
    return {row.id: _held(_marks(row) - templates, asked, share) for row in candidates}


def _sharing(
    rows: Iterable[Outline], asked: Mapping[Words, object]
) -> tuple[list[Outline], defaultdict[Words, set[str]]]:
    """The rows that share a mark with a benchmark, and by mark the training videos it is asked of, up to a template."""
    candidates: list[Outline] = []
    videos: defaultdict[Words, set[str]] = defaultdict(set)
    for row in rows:
        if shared := _marks(row) & asked.keys():
            candidates.append(row)
            for mark in shared:
                if len(videos[mark]) <= _TEMPLATE_VIDEOS:
                    videos[mark].add(row.group)
    return candidates, videos


def _is_template(benchmarks: set[str], training: set[str]) -> bool:
    return max(len(benchmarks), len(training)) > _TEMPLATE_VIDEOS


def _held(marks: set[Words], asked: Mapping[Words, Sequence[Outline]], share: float) -> dict[str, str]:
    """By benchmark: the question that holds most of the marks, if it holds at least `share` of them."""
    counts = Counter((item.origin, item.id) for mark in marks for item in asked.get(mark, ()))
    fullest_last = sorted(counts.items(), key=lambda entry: (entry[1], entry[0]))
    return {
        benchmark: f"{count / len(marks):.0%} of its question is in {id} of {benchmark}"
        for (benchmark, id), count in fullest_last
        if count >= share * len(marks)
    }


def _marks(row: Outline) -> set[Words]:
    """By what a question is told: its 8-grams, or if it is too short, itself with its gold answer, or nothing."""
    asked = words(row.question)
    if len(asked) >= _RUN:
        return runs(asked, _RUN)
    answered = words(row.gold)
    return {(*asked, "?", *answered)} if len(answered) >= _RUN else set()
