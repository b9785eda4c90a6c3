"""Whether the timed captions of a completion stand where they can, and where the reference has them.

A caption counts when it is filled, ends after it starts, lies inside the clip and does not begin before the one above
it ends. A bad one lowers the score, so adding more is never free. Where the example's own context is timed, its spans
are the reference: the score is then scaled by the share of time in common, of which one caption over the whole clip
gets little. Times count from the start of what is shown.
"""

from collections.abc import Sequence

from schemas.completion import Moment, Span, find_moments, visible
from schemas.example import Example
from schemas.values import UserError
from training.rewards.contract import Group, RewardScore, Rollout

NO_LENGTH = "no clip length"
TOLERANCE = 0.1
"""Seconds that a span may end after its clip: times are written with one decimal."""

Range = tuple[float, float]


async def spans(group: Group) -> list[RewardScore]:
    """Share of captions that count, times their temporal overlap with the reference where there is one, 0 to 1.

    Not known where the length of the clip is not. Raises UserError for completions in another format than `timed`.
    """
    if odd := {rollout.completion.format for rollout in group.rollouts} - {"timed"}:
        raise UserError(f"reward 'spans' reads timed captions and the format is {min(odd)!r}: set format to timed")
    length = clip_seconds(group.example)
    context = group.example.context
    reference = merged(_ranges(find_moments(context, Span(start=0, end=len(context)))))
    return [_score(rollout, reference, length) for rollout in group.rollouts]


def clip_seconds(example: Example) -> float | None:
    """Seconds of the first video, or else sound, that is shown; None where that is not known."""
    medium = example.medium("video") or example.medium("audio")
    end = medium and (medium.end if medium.end is not None else medium.duration)
    return end - (medium.start or 0.0) if medium and end is not None else None


def in_place(moments: Sequence[Moment], length: float) -> list[Moment]:
    """The captions that count in a clip of `length` seconds."""
    found, reached = [], 0.0
    for moment in moments:
        if visible(moment.text) and reached <= moment.start < moment.end <= length + TOLERANCE:
            found.append(moment)
            reached = moment.end
    return found


def overlap(left: Sequence[Range], right: Sequence[Range]) -> float:
    """Temporal intersection over union of two sets of ranges, each without overlap in itself; 0 for an empty one."""
    common = sum(max(0.0, min(end, other_end) - max(start, other)) for start, end in left for other, other_end in right)
    whole = sum(end - start for start, end in (*left, *right)) - common
    return min(1.0, common / whole) if whole > 0 else 0.0


def merged(ranges: Sequence[Range]) -> list[Range]:
    """The same seconds in ranges without overlap, in order; a range that ends before it starts holds none."""
    found: list[Range] = []
    for start, end in sorted(each for each in ranges if each[0] < each[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _score(rollout: Rollout, reference: Sequence[Range], length: float | None) -> RewardScore:
    moments, span = rollout.completion.moments, rollout.span("context")
    if length is None:
        return RewardScore(value=None, span=span, reason=NO_LENGTH)
    good = in_place(moments, length)
    parts = {"captions": float(len(moments)), "in_place": len(good) / len(moments) if moments else 0.0}
    if reference:
        parts["overlap"] = overlap(_ranges(good), reference)
    return RewardScore(value=parts["in_place"] * parts.get("overlap", 1.0), parts=parts, span=span)


def _ranges(moments: Sequence[Moment]) -> list[Range]:
    return [(moment.start, moment.end) for moment in moments]
