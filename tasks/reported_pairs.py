"""Which accepted and rejected rows the report shows, found again where they last lay, with their clips."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from llm.prompts.rate import DIMENSIONS, composite
from reporting.clips import Room, clips_of
from reporting.exhibits import asked, pieces
from reporting.pairs import MOST_BYTES_IN_ALL, Judged, Leaving, Pair, draw_pairs
from schemas.completion import render
from schemas.example import REFUSED_LENGTH, Example, Reject
from storage.parquet import find_examples
from tasks.passages import CURATION, READING, REWRITING, STEPS, Passage


def reported_pairs(found: Sequence[Passage], blobs: Path, count: int, seed: int) -> Iterator[Pair]:
    """Up to `count` pairs. Rows that could not be read are no examples: they are counted and not shown."""
    leaving = [passage for passage in found if passage.step != READING]
    last = [passage for passage in found if passage.step == CURATION]
    at = {id: passage for passage in leaving for id in passage.rejects}
    accepted = {passage.source: tuple(passage.accepted) for passage in last}
    sources = {id: passage.source for id, passage in at.items()}
    drawn = draw_pairs(accepted, _by_reason(leaving), sources, count, seed)
    at |= {id: passage for passage in last for id in passage.accepted}
    examples = _examples({id: at[id].examples for pair in drawn for id in pair if id})
    repaired = {id for passage in found for id in passage.repaired}
    room = Room(MOST_BYTES_IN_ALL, each=MOST_BYTES_IN_ALL // max(1, len(examples)))

    def judged(id: str | None) -> Judged | None:
        return _judged(examples[id], at[id], id in repaired, blobs, room) if id else None

    for left, right in drawn:
        yield Pair(accepted=judged(left), rejected=judged(right))


def _by_reason(leaving: Sequence[Passage]) -> dict[tuple[str, str], list[str]]:
    """Ids by step and reason, in the order of the steps."""
    cells: dict[tuple[str, str], list[str]] = {}
    for passage in sorted(leaving, key=lambda passage: STEPS.index(passage.step)):
        for id, reject in passage.rejects.items():
            cells.setdefault((passage.step, reject.reason), []).append(id)
    return cells


def _examples(folders: Mapping[str, Path]) -> dict[str, Example]:
    return {
        example.id: example
        for folder in sorted(set(folders.values()))
        for example in find_examples(folder, [id for id, place in folders.items() if place == folder])
    }


def _judged(example: Example, at: Passage, repaired: bool, blobs: Path, room: Room) -> Judged:
    reject = at.rejects.get(example.id)
    refused = reject if at.step == REWRITING else None
    text = refused.row if refused else render(example.context, example.think, example.answer)
    ratings = {rating.name: rating.value for rating in example.ratings}
    return Judged(
        **asked(example, clips_of(example.media, blobs, room)).model_dump(),
        source=at.source,
        leaving=Leaving(step=at.step, reason=reject.reason, detail=reject.detail) if reject else None,
        repaired=repaired,
        written=pieces(text, "context_first"),
        reply=reject.row if reject and not refused else "",
        ratings=example.ratings,
        quality=composite(ratings) if ratings.keys() >= set(DIMENSIONS) else None,
        note=_note(reject) if reject and at.step != CURATION else "",
    )


def _note(reject: Reject) -> str:
    if len(reject.row) == REFUSED_LENGTH:
        return f"Only the first {REFUSED_LENGTH:,} characters of the reply were kept."
    return "" if reject.row else "No reply was kept with this row."
