"""How much an answer owes to seeing and hearing at once (after OmniVideo-R1's modality-attentive reward).

Siblings of the completions answer the same prompt with a modality taken away. A right answer is worth what the best
of these views does not reach by itself: nothing where the sound alone or the picture alone already answers, all where
neither does. Whole groups are compared, so the order of siblings does not matter; a wrong answer is worth nothing, so
that being as wrong as the siblings does not pay.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from training.rewards.accuracy import accuracy
from training.rewards.contract import Group, RewardScore, Rollout

NO_SIBLINGS = "no siblings"
UNKNOWN_SIBLINGS = "accuracy of siblings not known"


async def modality(group: Group) -> list[RewardScore]:
    """The accuracy of each completion above the mean accuracy of the best other view, 0 to 1.

    Not known for a group without siblings, and where the accuracy of a completion or of a whole view is not.
    """
    own = await accuracy(group)
    views = {name: await _asked(group, rollouts) for name, rollouts in group.views.items() if name != "full"}
    if not views:
        return [replace(score, value=None, parts={}, reason=NO_SIBLINGS, judged=False) for score in own]
    means = {name: _mean(scores) for name, scores in views.items()}
    known = {name: mean for name, mean in means.items() if mean is not None}
    judged = any(score.judged for scores in (own, *views.values()) for score in scores)
    if len(known) < len(means):
        return [replace(score, value=None, parts=known, reason=UNKNOWN_SIBLINGS, judged=judged) for score in own]
    return [_above(replace(score, parts=known, judged=judged), max(known.values())) for score in own]


async def _asked(group: Group, rollouts: tuple[Rollout, ...]) -> list[RewardScore]:
    return await accuracy(replace(group, rollouts=rollouts, views={}))


def _mean(scores: Sequence[RewardScore]) -> float | None:
    values = [score.value for score in scores if score.value is not None]
    return fmean(values) if values else None


def _above(score: RewardScore, others: float) -> RewardScore:
    return score if score.value is None else replace(score, value=max(0.0, score.value - others))
