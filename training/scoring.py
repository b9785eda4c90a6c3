"""Completions of one step to rewards and credit: the part of reinforcement learning that needs no torch.

A group, all completions of one prompt, is scored by itself as soon as it is written; groups that are scored at the same
time share the concurrency of the judge's engine. Credit is given once the groups of a step are known.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from schemas.completion import Span, parse
from schemas.example import Example
from schemas.training import GrpoParams, View
from schemas.values import UserError
from training.credit import Flags, Floats, advantages, gated, silent, target_mask, token_advantages
from training.judging import in_time
from training.rewards import REWARDS
from training.rewards.contract import Group, Referee, RewardScore, Rollout
from training.spans import Tokenizer, TokenText, token_text


@dataclass(frozen=True)
class Draw:
    """One sampled completion as tokens, with its end of turn if it came to one.

    chosen: which tokens the model chose itself, one flag a token.
    """

    ids: tuple[int, ...]
    truncated: bool
    chosen: tuple[bool, ...]


@dataclass(frozen=True)
class Scored:
    """N completions and what the rewards say of them. texts: with their tokens. scores: (N)(R), R as in `names`."""

    names: tuple[str, ...]
    texts: tuple[TokenText, ...]
    rollouts: tuple[Rollout, ...]
    scores: tuple[tuple[RewardScore, ...], ...]

    @property
    def values(self) -> Floats:
        """(N, R) rewards; NaN for not known."""
        known = [[np.nan if score.value is None else score.value for score in row] for row in self.scores]
        return np.array(known, dtype=np.float64)

    @property
    def all(self) -> Iterator[RewardScore]:
        return chain.from_iterable(self.scores)


def joined(groups: Sequence[Scored]) -> Scored:
    """Several groups as one, in their order."""
    return Scored(
        groups[0].names,
        tuple(text for group in groups for text in group.texts),
        tuple(rollout for group in groups for rollout in group.rollouts),
        tuple(row for group in groups for row in group.scores),
    )


@dataclass(frozen=True)
class Credit:
    """tokens: (N, T) advantage of each token. rewards: (N, R) advantage by reward. silent: (N,) nothing to learn."""

    tokens: Floats
    rewards: Floats
    silent: Flags


class Scorer:
    """Scores completions by the rewards of one run. deadline: seconds for the judge of one group.

    Raises UserError for a reward that is not in the table.
    """

    def __init__(
        self, params: GrpoParams, tokenizer: Tokenizer, judge: Referee | None, deadline: float = 600.0
    ) -> None:
        self.params, self.names = params, reward_names(params)
        self._tokenizer = tokenizer
        self._judge = in_time(judge, deadline) if judge else None

    async def score(
        self, example: Example, draws: Sequence[Draw], views: Mapping[View, Sequence[Draw]] | None = None
    ) -> Scored:
        """Scores of one group. views: completions of the same prompt with a modality taken away."""
        texts = [token_text(self._tokenizer, draw.ids) for draw in draws]
        rollouts = tuple(map(self._rollout, texts, draws))
        siblings: dict[View, tuple[Rollout, ...]] = {
            view: tuple(self._read(draw) for draw in others) for view, others in (views or {}).items()
        }
        group = Group(example, rollouts, siblings, judge=self._judge)
        columns = await asyncio.gather(*(REWARDS[name](group) for name in self.names))
        return Scored(self.names, tuple(texts), rollouts, tuple(zip(*columns, strict=True)))

    async def accuracy(self, example: Example, draw: Draw) -> RewardScore:
        """How right one answer is, whatever the run's own rewards are."""
        scores = await REWARDS["accuracy"](Group(example, (self._read(draw),), judge=self._judge))
        return scores[0]

    def credit(self, scored: Scored, width: int) -> Credit:
        """Advantages over `width` tokens: gates, baselines in each group, then each term on its target."""
        params = self.params
        rewards = gated(scored.values, self.names, params.gates)
        values = advantages(rewards, params.completions_per_prompt, params.scale)
        masks = np.array([self._masks(scored, place, width) for place in range(len(scored.texts))])
        tokens = token_advantages(values, self.names, params.rewards, masks)
        return Credit(tokens, values, silent(tokens, params.completions_per_prompt))

    def totals(self, scored: Scored) -> list[float | None]:
        """One figure a completion for the log: the weighted sum of what is known, each reward once.

        A reward with several terms counts with its largest weight. None where nothing is known.
        """
        weights = np.array([self._weight(name) for name in self.names])
        values = gated(scored.values, self.names, self.params.gates)
        return [None if np.isnan(row).all() else float(np.nansum(row * weights)) for row in values]

    def _read(self, draw: Draw) -> Rollout:
        return self._rollout(token_text(self._tokenizer, draw.ids), draw)

    def _rollout(self, text: TokenText, draw: Draw) -> Rollout:
        return Rollout(parse(text.text, self.params.format), draw.truncated)

    def _masks(self, scored: Scored, place: int, width: int) -> list[Flags]:
        text, completion = scored.texts[place], scored.rollouts[place].completion
        owns = dict(zip(self.names, (score.span for score in scored.scores[place]), strict=True))
        masks = []
        for term in self.params.rewards:
            own: Span | None = owns[term.reward]
            masks.append(target_mask(term.target, text, completion, width, own))
        return masks

    def _weight(self, name: str) -> float:
        return max((term.weight for term in self.params.rewards if term.reward == name), default=0.0)


def reward_names(params: GrpoParams) -> tuple[str, ...]:
    """The rewards that terms and gates name, each once, in the order of the table. Raises UserError."""
    gated_names = [name for gate in params.gates for name in (gate.reward, *gate.zeroes)]
    named = {*(term.reward for term in params.rewards), *gated_names}
    if unknown := sorted(named - REWARDS.keys()):
        raise UserError(f"unknown reward {unknown[0]!r}: choose among {', '.join(REWARDS)}")
    if not params.rewards:
        raise UserError("no rewards: name at least one")
    return tuple(name for name in REWARDS if name in named)
