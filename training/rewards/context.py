"""How much of the reference context the written context covers, as a judge sees it."""

from llm.prompts import judge_context
from llm.request import Request
from schemas.llm import Llm
from training.rewards.contract import Group, RewardScore, Rollout
from training.rewards.judged import judged

NO_REFERENCE = "no reference"


async def context(group: Group) -> list[RewardScore]:
    """Coverage of the reference, 0 to 1; an empty context covers nothing. Not known without a reference."""
    reference = group.example.context.strip()
    if not reference:
        return [_unknown(rollout) for rollout in group.rollouts]

    def ask(judge: Llm, rollout: Rollout) -> Request:
        return judge_context.request(judge, reference, rollout.completion.body("context"))

    return await judged(group, [_rule(rollout) for rollout in group.rollouts], ask)


def _rule(rollout: Rollout) -> RewardScore:
    written = bool(rollout.completion.body("context"))
    return RewardScore(value=None if written else 0.0, span=rollout.span("context"), judged=written)


def _unknown(rollout: Rollout) -> RewardScore:
    return RewardScore(value=None, span=rollout.span("context"), reason=NO_REFERENCE)
