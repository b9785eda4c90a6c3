"""The logic reward: what the judge is shown, and what it is not asked for."""

import asyncio
from collections.abc import Sequence

from llm.request import Check, Outcome, Request
from schemas.completion import render
from tests.training.rewards.examples import JUDGE, example, replying, rollout, scores, values
from training.rewards import REWARDS
from training.rewards.contract import Group, Referee

LOGIC = REWARDS["logic"]
CHOICE = example("choice", "A", ["red", "blue"])
SOUND = rollout(render("A red ball rolls.", "The ball is red, so A.", "A"))


def test_judge_sees_question_options_and_the_answer_given_not_the_gold_one() -> None:
    seen: list[Request] = []

    def reply(request: Request) -> str:
        seen.append(request)
        return '{"score": 5}'

    wrong = rollout(render("A red ball rolls.", "The ball is blue, so B.", "B"))
    assert values(LOGIC, CHOICE, [wrong], replying(reply)) == [1.0]
    assert seen[0].fields == {
        "question": "What happens?\nA. red\nB. blue",
        "description": "A red ball rolls.",
        "reasoning": "The ball is blue, so B.",
        "answer": "B",
    }


def test_empty_reasoning_scores_zero_without_asking() -> None:
    assert values(LOGIC, CHOICE, [rollout(render("A ball.", " ", "A")), rollout("A")], replying(_refuse)) == [
        0,
        0,
    ]


def test_judge_failure_is_left_out_not_zero() -> None:
    (score,) = scores(LOGIC, CHOICE, [SOUND], replying(lambda _: None))
    assert score.value is None and score.judged


def test_one_call_carries_the_whole_group() -> None:
    calls: list[int] = []
    far_end = replying(lambda _: '{"score": 5}')

    async def counting(requests: Sequence[Request], check: Check | None = None) -> Sequence[Outcome]:
        calls.append(len(requests))
        return await far_end(requests, check)

    async def ask() -> None:
        await LOGIC(Group(CHOICE, (SOUND, SOUND, rollout("")), judge=Referee(JUDGE, counting)))

    asyncio.run(ask())
    assert calls == [2]


def _refuse(_: Request) -> str:
    raise AssertionError("the judge was asked")
