"""What a reward sees and what it says.

A reward maps a group, all completions of one prompt, to one score a completion. A value of None means not
known: the judge failed, or there is nothing to compare with. It is left out of the baseline and counted, and
is never a zero.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llm.request import Check, Outcome, Request
from schemas.completion import Block, BlockName, Completion, Span
from schemas.example import Example
from schemas.llm import Llm
from schemas.training import View


@dataclass(frozen=True)
class Rollout:
    """One sampled completion. truncated: it ran into the token limit and did not end itself."""

    completion: Completion
    truncated: bool = False

    def span(self, name: BlockName) -> Span | None:
        """Characters of a block with its tags, or None where the block is missing."""
        block: Block | None = self.completion.block(name)
        return block.whole if block else None


class Complete(Protocol):
    """Answers requests, one outcome each, in their order: `llm.engine.Engine.complete`, or a fake far end.

    `check` reads each reply; one that it refuses is `unparsable`, and no answer.
    """

    async def __call__(self, requests: Sequence[Request], check: Check | None = None) -> Sequence[Outcome]: ...


@dataclass(frozen=True)
class Referee:
    """The judge of one run: which model it is, and how it is asked."""

    model: Llm
    complete: Complete


@dataclass(frozen=True)
class Group:
    """All completions of one prompt.

    rollouts: of the full view, the ones that are trained. views: sibling completions of the same prompt with
    a modality taken away. judge: None where a run has none; judged rewards are then not known.
    """

    example: Example
    rollouts: tuple[Rollout, ...]
    views: Mapping[View, tuple[Rollout, ...]] = field(default_factory=dict)
    judge: Referee | None = None


@dataclass(frozen=True)
class RewardScore:
    """What one reward says of one completion.

    value: 0 to 1, or None for not known, `reason` then says why. parts: what the value was made of, for the
    log. span: the characters it speaks of, for credit with target `own`. judged: a judge was asked for it.
    """

    value: float | None
    parts: Mapping[str, float] = field(default_factory=dict)
    span: Span | None = None
    reason: str = ""
    judged: bool = False


Reward = Callable[[Group], Awaitable[list[RewardScore]]]
