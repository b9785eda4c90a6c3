"""What the judged rewards share: rules first, and one call with all that is left to the judge."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from llm.prompts import judge_answer, judge_context, judge_logic
from llm.prompts.scoring import parse, score
from llm.request import Outcome, Request
from schemas.llm import Llm
from training.rewards.contract import Group, RewardScore, Rollout

NO_JUDGE = "no judge"
JUDGING = ", ".join(f"{prompt.NAME} {prompt.VERSION}" for prompt in (judge_answer, judge_context, judge_logic))
"""The prompts that a judge is asked with, which a stage that judges names in its version."""


async def judged(
    group: Group, ruled: Sequence[RewardScore], ask: Callable[[Llm, Rollout], Request]
) -> list[RewardScore]:
    """The ruled scores, with the judge's in place of those whose `judged` is set. `ask` makes one rollout's
    request.
    """
    if group.judge is None:
        return [replace(each, reason=NO_JUDGE, judged=False) if each.judged else each for each in ruled]
    open_places = [place for place, each in enumerate(ruled) if each.judged]
    requests = [ask(group.judge.model, group.rollouts[place]) for place in open_places]
    outcomes = await group.judge.complete(requests, parse) if requests else []
    answered = dict(zip(open_places, outcomes, strict=True))
    return [_scored(each, answered[place]) if place in answered else each for place, each in enumerate(ruled)]


def _scored(open_score: RewardScore, outcome: Outcome) -> RewardScore:
    value = score(outcome)
    if value is not None:
        return replace(open_score, value=value, parts={**open_score.parts, "judged": 1.0})
    return replace(open_score, reason=f"judge {outcome.failure or 'unparsable'}")
