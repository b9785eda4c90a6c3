"""Do the engine and the trainer see the same model, prompt and media? Their log-probabilities say so.

A completion was drawn from what the engine computed, and the gradient comes from what the trainer computes. Where
these differ (weights of an earlier step, media out of a stale cache, other placeholders, other frames) training goes on
without an error and on the wrong numbers. So both are asked for the same tokens, and too large a difference stops the
run. Costs a forward pass of what is checked.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from schemas.training import Agreement, Decoding
from schemas.values import UserError, Value
from training.engines.contract import RolloutEngine, Written
from training.engines.local import evaluating
from training.inputs import Inputs, batch
from training.logps import completion_logps


class Difference(Value):
    """Of log-probabilities, absolute, over `tokens` tokens, in nats."""

    mean: float
    most: float
    tokens: int


class CheckedEngine:
    """Another engine, whose completions after every so many new weights are compared with the trainer's own."""

    def __init__(self, engine: RolloutEngine, model: PreTrainedModel, pad_id: int, bounds: Agreement) -> None:
        self._engine, self._model, self._pad_id, self._bounds = engine, model, pad_id, bounds
        self._syncs, self._due = 0, True
        self.last: Difference | None = None

    def complete(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        completions = self._engine.complete(inputs, decoding)
        if self._due and completions:
            self.last = require_agreement(self._model, self._pad_id, inputs, completions, self._bounds)
            self._due = False
        return completions

    def sync(self, model: PreTrainedModel) -> None:
        self._engine.sync(model)
        self._model = model
        self._syncs += 1
        self._due = self._due or self._syncs % self._bounds.every == 0

    def close(self) -> None:
        self._engine.close()


def require_agreement(
    model: PreTrainedModel,
    pad_id: int,
    inputs: Sequence[Inputs],
    completions: Sequence[Written],
    bounds: Agreement,
) -> Difference:
    """How far the engine's log-probabilities are from those of `model`. Raises UserError over the bounds, and for an
    engine that reports none."""
    found = difference(own_logps(model, pad_id, inputs, completions), completions)
    if not (found.mean <= bounds.mean and found.most <= bounds.most):  # NaN is no agreement either
        raise UserError(
            f"the rollout engine and the trainer disagree on the log-probabilities of {found.tokens} sampled tokens by "
            f"{found.mean:.3g} on average and {found.most:.3g} at most (rollouts.agreement allows {bounds.mean:.3g} "
            f"and {bounds.most:.3g}): one of them has other weights, media or precision; nothing was learnt from these"
        )
    return found


def difference(own: Sequence[Sequence[float]], completions: Sequence[Written]) -> Difference:
    """Between the trainer's log-probabilities and those that completions carry. Raises UserError where they do not."""
    gaps: list[float] = []
    for mine, completion in zip(own, completions, strict=True):
        if completion.logps is None or len(completion.logps) != len(completion.ids):
            raise UserError("the rollout engine reports no log-probability for each token: agreement cannot be checked")
        gaps += [abs(a - b) for a, b in zip(mine, completion.logps, strict=True)]
    if not gaps:
        raise UserError("there are no completions to check agreement on")
    tensor = torch.tensor(gaps, dtype=torch.float64)
    return Difference(mean=float(tensor.mean()), most=float(tensor.max()), tokens=len(gaps))


def own_logps(
    model: PreTrainedModel, pad_id: int, inputs: Sequence[Inputs], completions: Sequence[Written]
) -> list[list[float]]:
    """The model's log-probability of each token of each completion, at temperature 1; one row in memory at a time."""
    with torch.no_grad(), evaluating(model):
        return [_row(model, pad_id, *both) for both in zip(inputs, completions, strict=True)]


def _row(model: PreTrainedModel, pad_id: int, prompt: Inputs, completion: Written) -> list[float]:
    given: dict[str, Any] = batch([replace(prompt, ids=(*prompt.ids, *completion.ids))], pad_id, "right")
    given = {name: value.to(model.device) if isinstance(value, Tensor) else value for name, value in given.items()}
    return completion_logps(model, given, len(completion.ids)).logps[0].tolist()
