"""Examples to look at: the clip, the question, and what each run wrote, as the page's browser reads them.

Which examples are shown is chosen by a hash of their ids, spread over benchmarks and families, never by
outcome.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from reporting.clips import Clip
from reporting.runs import Run
from schemas.completion import BlockName, FormatName, parse
from schemas.example import Example
from schemas.training import Target
from schemas.values import Value

Mark = Literal["right", "partly right", "wrong", "unanswered", "media not loaded", "not judged"]
_OUTCOMES: dict[str, Mark] = {
    "unanswered": "unanswered",
    "load_error": "media not loaded",
    "unjudged": "not judged",
}
REACHES: dict[Target, tuple[BlockName, ...]] = {
    "all": (),
    "until_end(context)": ("context",),
    "until_end(think)": ("context", "think"),
    "after(context)": ("think", "answer"),
    "only(context)": ("context",),
    "only(think)": ("think",),
    "only(answer)": ("answer",),
    "own": ("context",),
}
"""The blocks in whose colours a reward of each target is shown; none for all of the completion."""


class Piece(NamedTuple):
    """A run of characters of a completion: inside a block, one of its tags, or outside all blocks."""

    kind: BlockName | Literal["tag", "outside"]
    text: str


class Paid(NamedTuple):
    """One reward of a completion, 0 to 1, and the blocks that it is paid for; none for all of it."""

    name: str
    value: float
    blocks: tuple[BlockName, ...]


class Shown(Value):
    """What one run wrote for an example, in pieces that join to the whole text, and how it was scored.

    consistent: whether the reasoning argues for the answer; None where that is not known.
    """

    run: str
    pieces: tuple[Piece, ...]
    given: str
    mark: Mark
    value: float | None
    consistent: bool | None = None
    rewards: tuple[Paid, ...] = ()
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
    category: str
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
    example: Example, benchmark: str, category: str, clips: Sequence[Clip], completions: Sequence[Shown]
) -> Exhibit:
    """An example with its clips and with what the runs wrote."""
    question = asked(example, clips).model_dump()
    return Exhibit(**question, benchmark=benchmark, category=category, completions=tuple(completions))


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


def shown(
    run: str,
    format: FormatName,
    text: str,
    score: Mapping[str, Any],
    targets: Mapping[str, Target],
    note: str = "",
) -> Shown:
    """One run's completion with its row of SCORES; targets: of rewards by name; note: a load error, say."""
    rewards = tuple(
        Paid(name, paid, REACHES[targets.get(name, "only(answer)" if name == "accuracy" else "all")])
        for name, paid in dict(score["rewards"]).items()
    )
    return Shown(
        run=run,
        pieces=pieces(text, format),
        given=score["given"],
        mark=mark(score["outcome"], score["value"]),
        value=score["value"],
        consistent=score["consistent"],
        rewards=rewards,
        note=note,
    )


def pieces(text: str, format: FormatName) -> tuple[Piece, ...]:
    """The text cut at its blocks; a direct answer is all answer."""
    if format == "direct":
        return (Piece("answer", text),) if text else ()
    made, place = [], 0
    for block in sorted(parse(text, format).blocks, key=lambda block: block.whole.start):
        if block.whole.start < place:
            continue
        made += [
            Piece("outside", text[place : block.whole.start]),
            Piece("tag", text[block.whole.start : block.body.start]),
            Piece(block.name, block.text),
            Piece("tag", text[block.body.end : block.whole.end]),
        ]
        place = block.whole.end
    made.append(Piece("outside", text[place:]))
    return tuple(piece for piece in made if piece.text)


def mark(outcome: str, value: float | None) -> Mark:
    """What came of a completion, from the outcome and value of its row in SCORES."""
    if outcome != "answered" or value is None:
        return _OUTCOMES.get(outcome, "not judged")
    return "right" if value >= 1 else "wrong" if value <= 0 else "partly right"


def _hash(seed: int, id: str) -> str:
    return hashlib.sha256(f"{seed}\n{id}".encode()).hexdigest()
