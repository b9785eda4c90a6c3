"""Completions of one step to rewards and credit: the part of reinforcement learning that needs no torch.

Completions come in groups that stand together, `completions_per_prompt` at a time. All rewards of all groups
are asked at once, so that judged ones share the concurrency of the engine.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.completion import Span, parse
from schemas.example import Example
from schemas.training import GrpoParams
from schemas.values import UserError
from training.credit import Flags, Floats, advantages, gated, silent, target_mask, token_advantages
from training.rewards import REWARDS
from training.rewards.contract import Group, Referee, RewardScore, Rollout
from training.spans import Tokenizer, TokenText, token_text


@dataclass(frozen=True)
class Draw:
    """One sampled completion as tokens, with its end of turn if it came to one."""

    ids: tuple[int, ...]
    truncated: bool


@dataclass(frozen=True)
class Scored:
    """N completions and what the rewards say of them. texts: with their tokens. scores: (N)(R), R as in
    `names`.
    """

    names: tuple[str, ...]
    texts: tuple[TokenText, ...]
    rollouts: tuple[Rollout, ...]
    scores: tuple[tuple[RewardScore, ...], ...]

    @property
    def values(self) -> Floats:
        """(N, R) rewards; NaN for not known."""
        known = [[np.nan if score.value is None else score.value for score in row] for row in self.scores]
        return np.array(known, dtype=np.float64)


@dataclass(frozen=True)
class Credit:
    """tokens: (N, T) advantage of each token. rewards: (N, R) advantage by reward. silent: (N,) nothing to
    learn.
    """

    tokens: Floats
    rewards: Floats
    silent: Flags


class Scorer:
    """Scores completions by the rewards of one run; stops the run when the judge stays silent.

    Raises UserError for a reward that is not in the table.
    """

    def __init__(self, params: GrpoParams, tokenizer: Tokenizer, judge: Referee | None) -> None:
        self.params, self.names = params, reward_names(params)
        self._tokenizer, self._judge = tokenizer, judge
        self._failures = 0

    async def score(self, examples: Sequence[Example], draws: Sequence[Draw]) -> Scored:
        """Scores of N draws of N / completions_per_prompt examples. Raises UserError after a streak of
        failures.
        """
        texts = tuple(token_text(self._tokenizer, draw.ids) for draw in draws)
        rollouts = tuple(
            Rollout(parse(text.text, self.params.format), draw.truncated)
            for text, draw in zip(texts, draws, strict=True)
        )
        size = self.params.completions_per_prompt
        groups = [
            Group(example, rollouts[place * size : (place + 1) * size], judge=self._judge)
            for place, example in enumerate(examples)
        ]
        rows = [row for scored in await asyncio.gather(*map(self._ask, groups)) for row in scored]
        self._watch(rows)
        return Scored(self.names, texts, rollouts, tuple(rows))

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

    async def _ask(self, group: Group) -> list[tuple[RewardScore, ...]]:
        columns = await asyncio.gather(*(REWARDS[name](group) for name in self.names))
        return list(zip(*columns, strict=True))

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

    def _watch(self, rows: Sequence[Sequence[RewardScore]]) -> None:
        for score in (score for row in rows for score in row if score.judged):
            self._failures = 0 if score.value is not None else self._failures + 1
            if self._failures >= self.params.max_unknown_rewards:
                raise UserError(
                    f"{self._failures} judged rewards in a row are not known, the last for {score.reason!r}: "
                    f"see that {self.params.judge.provider}/{self.params.judge.model} answers, then start "
                    f"again; what it has answered is kept"
                )


def reward_names(params: GrpoParams) -> tuple[str, ...]:
    """The rewards that terms and gates name, each once, in the order of the table. Raises UserError."""
    gated_names = [name for gate in params.gates for name in (gate.reward, *gate.zeroes)]
    named = {*(term.reward for term in params.rewards), *gated_names}
    if unknown := sorted(named - REWARDS.keys()):
        raise UserError(f"unknown reward {unknown[0]!r}: choose among {', '.join(REWARDS)}")
    if not params.rewards:
        raise UserError("no rewards: name at least one")
    return tuple(name for name in REWARDS if name in named)
