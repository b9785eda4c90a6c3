"""Judges beside the model: the thread they are asked in, their deadline, and what stops a run."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from llm.request import Check, Message, Outcome, Request, Text
from schemas.training import GrpoParams
from schemas.values import UserError
from tests.training.rewards.examples import JUDGE
from training.judging import WINDOW, SideLoop, Silence, in_time
from training.rewards.contract import Referee, RewardScore

KNOWN, UNKNOWN = RewardScore(1.0, judged=True), RewardScore(None, reason="judge timeout", judged=True)


def request(text: str) -> Request:
    parts = (Text(text=text),)
    return Request(
        provider="fake",
        model="fake",
        prompt="p",
        version=1,
        messages=(Message(role="user", parts=parts),),
        fields={},
        max_tokens=8,
    )


def test_late_answers_are_timeouts_and_the_others_stand() -> None:
    cancelled = []

    async def judge(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        if requests[0] == request("late"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append("late")
                raise
        return [Outcome(identity=each.identity, text="fine") for each in requests]

    asked = [request("early"), request("late"), request("soon")]
    outcomes = asyncio.run(_complete(in_time(Referee(JUDGE, judge), 0.01), asked))
    assert [outcome.text for outcome in outcomes] == ["fine", None, "fine"]
    assert outcomes[1].failure == "timeout" and outcomes[1].detail == "no answer within 0.01 s"
    assert [outcome.identity for outcome in outcomes] == [each.identity for each in asked]
    assert cancelled == ["late"]


def test_fault_of_the_user_is_no_late_answer() -> None:
    async def judge(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        raise UserError("the key is wrong")

    with pytest.raises(UserError, match="the key is wrong"):
        asyncio.run(_complete(in_time(Referee(JUDGE, judge), 10), [request("any")]))


async def _complete(judge: Referee, requests: Sequence[Request]) -> Sequence[Outcome]:
    return await judge.complete(requests)


def test_side_loop_runs_beside_the_caller_and_ends_what_is_open() -> None:
    ended = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def where() -> int:
        return threading.get_ident()

    with SideLoop() as loop:
        assert loop.run(where()) != threading.get_ident()
        loop.start(endless())
        loop.run(where())
    assert ended.is_set()


def test_streak_of_unknown_rewards_stops_and_a_known_one_ends_it() -> None:
    silence = Silence(_params(max_unknown_rewards=3))
    silence.look([UNKNOWN, UNKNOWN, KNOWN, UNKNOWN, UNKNOWN], "its start")
    with pytest.raises(UserError, match=r"3 judged rewards in a row are not known.*timeout.*from checkpoint-8"):
        silence.look([UNKNOWN], "checkpoint-8")


def test_reward_that_no_judge_was_asked_for_is_no_failure_of_one() -> None:
    silence = Silence(_params(max_unknown_rewards=2))
    silence.look([UNKNOWN, RewardScore(None, reason="no reference")], "its start")
    assert silence.state() == {"streak": 1, "unknown": [True]}


def test_share_of_unknown_rewards_stops_although_no_streak_does() -> None:
    silence = Silence(_params(max_unknown_rewards=3, max_unknown_share=0.4))
    silence.look([KNOWN, UNKNOWN] * (WINDOW // 2 - 1) + [KNOWN], "its start")
    with pytest.raises(UserError, match=f"{WINDOW // 2} of the last {WINDOW} judged rewards"):
        silence.look([UNKNOWN], "its start")


def test_watch_goes_on_where_it_was() -> None:
    first, second = Silence(_params(max_unknown_rewards=3)), Silence(_params(max_unknown_rewards=3))
    first.look([UNKNOWN, UNKNOWN], "its start")
    second.restore(first.state())
    with pytest.raises(UserError, match="3 judged rewards in a row"):
        second.look([UNKNOWN], "its start")


def _params(**changes: object) -> GrpoParams:
    return GrpoParams.model_construct(judge=JUDGE, **({"max_unknown_share": None} | changes))  # type: ignore[arg-type]
