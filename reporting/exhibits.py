"""Examples to look at: the clip, the question, and what each run wrote, as the page's browser reads them.

Which examples are shown is chosen by a hash of their ids, spread over benchmarks and families, never by
outcome.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from media.blobs import blob_path
from reporting.runs import Run
from schemas.completion import BlockName, FormatName, parse
from schemas.example import Example, Media, MediaKind
from schemas.values import Value

Mark = Literal["right", "partly right", "wrong", "unanswered", "media not loaded", "not judged"]
MOST_BYTES = 2_000_000
"""Larger clips are named, not embedded: the page must open at once."""

_OUTCOMES: dict[str, Mark] = {
    "unanswered": "unanswered",
    "load_error": "media not loaded",
    "unjudged": "not judged",
}
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"WAVE", "audio/wav"),
    (8, b"WEBP", "image/webp"),
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
)


class Clip(Value):
    """One medium: `source` is a data URI, or empty with `note` saying why it is not embedded."""

    kind: MediaKind
    label: str
    source: str
    note: str = ""


class Piece(Value):
    """A run of characters of a completion: inside a block, one of its tags, or outside all blocks."""

    kind: BlockName | Literal["tag", "outside"]
    text: str


class Shown(Value):
    """What one run wrote for an example, in pieces that join to the whole text, and how it was scored."""

    run: str
    pieces: tuple[Piece, ...]
    given: str
    mark: Mark
    value: float | None
    note: str = ""


class Choice(Value):
    """One option as it is shown."""

    label: str
    text: str
    gold: bool


class Asked(Value):
    """A question with its clips and its gold answer."""

    id: str
    question: str
    choices: tuple[Choice, ...]
    gold: str
    clips: tuple[Clip, ...]


class Exhibit(Asked):
    """One example of the browser."""

    benchmark: str
    family: str
    completions: tuple[Shown, ...]


def pick(run: Run, count: int = 20, seed: int = 0) -> tuple[tuple[str, str], ...]:
    """(benchmark, id) of up to `count` examples: one of each family in turn, in the order of a hash."""
    cells: dict[tuple[str, str], list[str]] = {}
    for row in run.scores.select(["benchmark", "family", "id"]).to_pylist():
        cells.setdefault((row["benchmark"], row["family"]), []).append(row["id"])
    return tuple((benchmark, id) for (benchmark, _), id in spread(cells, count, seed))


def spread(
    cells: Mapping[tuple[str, str], Iterable[str]], count: int, seed: int
) -> tuple[tuple[tuple[str, str], str], ...]:
    """(cell, id) of up to `count` ids: one of each cell in turn, in the order of a hash; sorted by cell."""
    shuffled = {cell: sorted(set(ids), key=lambda id: _hash(seed, id)) for cell, ids in cells.items()}
    turns = sorted((turn, cell, id) for cell, ids in shuffled.items() for turn, id in enumerate(ids))
    chosen = sorted((cell, _hash(seed, id), id) for _, cell, id in turns[:count])
    return tuple((cell, id) for cell, _, id in chosen)


def exhibit(
    example: Example, benchmark: str, family: str, clips: Sequence[Clip], completions: Sequence[Shown]
) -> Exhibit:
    """An example with its clips and with what the runs wrote."""
    question = asked(example, clips).model_dump()
    return Exhibit(**question, benchmark=benchmark, family=family, completions=tuple(completions))


def asked(example: Example, clips: Sequence[Clip]) -> Asked:
    """What an example asks, with its clips."""
    gold = set(example.answer.split(",")) if example.options else set()
    return Asked(
        id=example.id,
        question=example.question,
        choices=tuple(
            Choice(label=option.label, text=option.text, gold=option.label in gold) for option in example.options
        ),
        gold=example.answer if not example.options else f"{example.answer} ({example.gold_text})",
        clips=tuple(clips),
    )


def clips_of(media: Iterable[Media], blobs: Path, most_bytes: int = MOST_BYTES) -> tuple[Clip, ...]:
    """A clip for each medium, from the folder of media by digest; one that cannot be shown says why."""
    return tuple(_clip_of(medium, blobs, most_bytes) for medium in media)


def _clip_of(medium: Media, blobs: Path, most_bytes: int) -> Clip:
    path = blob_path(blobs, medium.digest)
    if not path.is_file():
        return Clip(kind=medium.kind, label=medium.path, source="", note="not embedded: the file is not there")
    if path.stat().st_size > most_bytes:
        return Clip(kind=medium.kind, label=medium.path, source="", note=_too_large(path.stat().st_size))
    return clip(medium.kind, medium.path, path.read_bytes(), most_bytes)


def clip(kind: MediaKind, label: str, content: bytes, most_bytes: int = MOST_BYTES) -> Clip:
    """A medium with its bytes embedded, unless they are too many or of no type that browsers show."""
    mime = next((mime for start, magic, mime in _SIGNATURES if content[start:].startswith(magic)), None)
    if mime is None:
        return Clip(kind=kind, label=label, source="", note="not embedded: not a type that browsers show")
    if len(content) > most_bytes:
        return Clip(kind=kind, label=label, source="", note=_too_large(len(content)))
    encoded = base64.b64encode(content).decode("ascii")
    return Clip(kind=kind, label=label, source=f"data:{mime};base64,{encoded}")


def shown(
    run: str, format: FormatName, text: str, outcome: str, value: float | None, given: str, note: str = ""
) -> Shown:
    """One run's completion with the outcome and value of its row in SCORES; note: a load error, say."""
    return Shown(run=run, pieces=pieces(text, format), given=given, mark=mark(outcome, value), value=value, note=note)


def pieces(text: str, format: FormatName) -> tuple[Piece, ...]:
    """The text cut at its blocks; a direct answer is all answer."""
    if format == "direct":
        return (Piece(kind="answer", text=text),) if text else ()
    made, place = [], 0
    for block in sorted(parse(text, format).blocks, key=lambda block: block.whole.start):
        if block.whole.start < place:
            continue
        made += [
            Piece(kind="outside", text=text[place : block.whole.start]),
            Piece(kind="tag", text=text[block.whole.start : block.body.start]),
            Piece(kind=block.name, text=block.text),
            Piece(kind="tag", text=text[block.body.end : block.whole.end]),
        ]
        place = block.whole.end
    made.append(Piece(kind="outside", text=text[place:]))
    return tuple(piece for piece in made if piece.text)


def _too_large(size: int) -> str:
    return f"not embedded: {size / 1e6:.1f} MB"


def mark(outcome: str, value: float | None) -> Mark:
    """What came of a completion, from the outcome and value of its row in SCORES."""
    if outcome != "answered" or value is None:
        return _OUTCOMES.get(outcome, "not judged")
    return "right" if value >= 1 else "wrong" if value <= 0 else "partly right"


def _hash(seed: int, id: str) -> str:
    return hashlib.sha256(f"{seed}\n{id}".encode()).hexdigest()
