"""Whether a completion keeps its format to the letter: all blocks, once, in order, filled, nothing beside them, and an
end of its own.
"""

from schemas.completion import Span
from training.rewards.contract import Group, RewardScore, Rollout


async def format_(group: Group) -> list[RewardScore]:
    """1 for a completion with no format error that ended itself, else 0."""
    return [_score(rollout) for rollout in group.rollouts]


def _score(rollout: Rollout) -> RewardScore:
    errors = len(rollout.completion.errors)
    return RewardScore(
        value=float(not errors and not rollout.truncated),
        parts={"errors": float(errors), "truncated": float(rollout.truncated)},
        span=Span(start=0, end=len(rollout.completion.text)),
    )
