"""Accepted and rejected rows side by side: the clip, what was asked, what was written, and why a row left.

Rejected rows are drawn by a hash of their ids, one of each reason in turn, so that a rare reason is seen; beside each
stands an accepted row of the same source, drawn the same way.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from reporting.exhibits import Asked, Piece, spread
from schemas.example import Rating
from schemas.values import Value

MOST_BYTES_IN_ALL = 4_000_000
"""Of embedded clips: every row may use an equal part, so that the page opens at once."""

Drawn = tuple[str | None, str | None]
"""The ids of an accepted and of a rejected row; None where there is none."""


class Leaving(Value):
    """Why a row left: at which step, the fixed word that is counted, and what was seen."""

    step: str
    reason: str
    detail: str


class Judged(Asked):
    """One row with what was written for it. leaving: None for an accepted row. quality: None where it was not rated.

    reply: what the model said where no rating could be read. note: what cannot be shown.
    """

    source: str
    leaving: Leaving | None
    repaired: bool
    written: tuple[Piece, ...]
    reply: str
    ratings: tuple[Rating, ...]
    quality: float | None
    note: str


class Pair(Value):
    """What stands side by side; None where there is no such row."""

    accepted: Judged | None
    rejected: Judged | None


def draw_pairs(
    accepted: Mapping[str, Iterable[str]],
    rejected: Mapping[tuple[str, str], Iterable[str]],
    source_of: Mapping[str, str],
    count: int,
    seed: int = 0,
) -> tuple[Drawn, ...]:
    """Up to `count` pairs: all with a rejected row first, in the order of their cells, then accepted rows alone.

    accepted: ids by source. rejected: ids by step and reason. source_of: the source of each rejected id.
    """
    waiting = {
        source: deque(id for _, id in spread({(source, ""): ids}, count, seed))
        for source, ids in sorted(accepted.items())
    }
    order = list(rejected)
    left = [id for _, id in sorted(spread(rejected, count, seed), key=lambda found: order.index(found[0]))]
    pairs: list[Drawn] = []
    for id in left:
        beside = waiting.get(source_of[id])
        pairs.append((beside.popleft() if beside else None, id))
    turns = sorted((turn, source, id) for source, ids in waiting.items() for turn, id in enumerate(ids))
    return (*pairs, *((id, None) for _, _, id in turns[: count - len(pairs)]))
