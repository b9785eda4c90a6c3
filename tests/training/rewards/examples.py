"""Examples, completions and far ends that the reward tests share."""

import asyncio
from collections.abc import Callable, Sequence

from llm.request import Check, Outcome, Request
from schemas.completion import FormatName, parse, render
from schemas.example import AnswerKind, Example, Option
from schemas.llm import Llm
from training.rewards.contract import Complete, Group, Referee, Reward, RewardScore, Rollout

JUDGE = Llm(provider="fake", model="fake")


def example(kind: AnswerKind, answer: str, options: Sequence[str] = (), context: str = "A red ball rolls.") -> Example:
    return Example(
        id="clips/1",
        source="clips",
        source_revision="1",
        source_row="1",
        source_id="1",
        licence="CC0-1.0",
        group="clip-1",
        question="What happens?",
        options=tuple(Option(label=chr(65 + place), text=text) for place, text in enumerate(options)),
        answer_kind=kind,
        answer=answer,
        context=context,
    )


def rollout(text: str, format: FormatName = "context_first", truncated: bool = False) -> Rollout:
    return Rollout(completion=parse(text, format), truncated=truncated)


def answered(answer: str) -> Rollout:
    return rollout(render("A ball rolls.", "It rolls.", answer))


def replying(reply: Callable[[Request], str | None]) -> Complete:
    """A far end: text replies, or None for a call that failed."""

    async def complete(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        return [_outcome(request, reply(request), check) for request in requests]

    return complete


def _outcome(request: Request, text: str | None, check: Check | None) -> Outcome:
    if text is None:
        return Outcome(identity=request.identity, failure="timeout", detail="no reply")
    try:
        if check:
            check(text)
    except ValueError as error:
        return Outcome(identity=request.identity, failure="unparsable", detail=str(error), said=text)
    return Outcome(identity=request.identity, text=text)


def scores(
    reward: Reward, example: Example, rollouts: Sequence[Rollout], complete: Complete | None = None
) -> list[RewardScore]:
    judge = Referee(JUDGE, complete) if complete else None
    return asyncio.run(_ask(reward, Group(example, tuple(rollouts), judge=judge)))


async def _ask(reward: Reward, group: Group) -> list[RewardScore]:
    return await reward(group)


def values(*parameters: object, **named: object) -> list[float | None]:
    return [score.value for score in scores(*parameters, **named)]  # type: ignore[arg-type]
