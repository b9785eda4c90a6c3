"""Whether a completion keeps its format to the letter: all blocks, once, in order, filled, and nothing beside
them.
"""

from schemas.completion import Span
from training.rewards.contract import Group, RewardScore, Rollout


async def format_(group: Group) -> list[RewardScore]:
    """1 for a completion with no format error, else 0."""
    return [_score(rollout) for rollout in group.rollouts]


def _score(rollout: Rollout) -> RewardScore:
    errors = len(rollout.completion.errors)
    whole = Span(start=0, end=len(rollout.completion.text))
    return RewardScore(value=float(not errors), parts={"errors": float(errors)}, span=whole)
