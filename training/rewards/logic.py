"""Whether the reasoning follows from the completion's own context and ends in its own answer, as a judge sees
it.

The judge sees the question and the answer that was given, not the gold one: reasoning is scored for leading
to its answer, and the answer is scored for being right. Reasoning that says one answer above a block that
says another has failed.
"""

from llm.prompts import judge_logic
from llm.request import Request
from schemas.example import Example
from schemas.llm import Llm
from training.rewards.contract import Group, RewardScore, Rollout
from training.rewards.judged import judged


async def logic(group: Group) -> list[RewardScore]:
    """Soundness of the reasoning, 0 to 1; empty reasoning is not reasoning."""
    question = asked(group.example)

    def ask(judge: Llm, rollout: Rollout) -> Request:
        written = rollout.completion
        return judge_logic.request(judge, question, written.body("context"), written.body("think"), written.answer)

    return await judged(group, [_rule(rollout) for rollout in group.rollouts], ask)


def asked(example: Example) -> str:
    """The question with its options, without which an answer that is a letter means nothing."""
    return "\n".join([example.question, *(f"{option.label}. {option.text}" for option in example.options)])


def _rule(rollout: Rollout) -> RewardScore:
    written = bool(rollout.completion.body("think"))
    return RewardScore(value=None if written else 0.0, span=rollout.span("think"), judged=written)
