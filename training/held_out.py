"""Greedy answers to held-out examples while a model is trained: how many are right, by kind of answer.

Greedy decoding draws nothing, and what little a library might draw is put back, so a run learns the same whether it is
watched or not.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple, get_args

import torch

from schemas.example import AnswerKind, Example
from schemas.training import GrpoParams
from training.drawing import Write
from training.inputs import Encoder, Inputs
from training.judging import SideLoop
from training.prompt_plan import unreadable
from training.rewards.contract import RewardScore
from training.scoring import Scorer
from training.sft import order
from training.views import not_one

KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)


class Tally(NamedTuple):
    """Sums over answers: of values that are known, of how many these are, and of how many are not."""

    value: float = 0.0
    known: int = 0
    unknown: int = 0


class HeldOut:
    """At most `evaluate_on` examples, drawn from the seed, shared out over `ranks`.

    left_out: how many of them cannot be read and are not asked. Raises UserError where that is all of them.
    """

    def __init__(
        self, params: GrpoParams, examples: Sequence[Example], encoder: Encoder, rank: int, ranks: int
    ) -> None:
        chosen = [examples[row] for row in order(len(examples), min(len(examples), params.evaluate_on), params.seed)]
        reasons = unreadable(encoder, chosen, params.format)  # in the full view alone, as they are asked
        readable = [example for example in chosen if example.id not in reasons]
        if not readable:
            raise not_one("the held-out examples", len(chosen), min(reasons.items())[1])
        self.left_out = len(chosen) - len(readable)
        self._mine = readable[rank::ranks]
        self._company = readable[: -(-len(readable) // ranks) - len(self._mine)]
        self._encoder, self._params = encoder, params

    def tallies(self, write: Write, scorer: Scorer, loop: SideLoop) -> dict[AnswerKind, Tally]:
        """What this rank's share comes to. write: greedily. All ranks write equally often, some for company alone."""
        with torch.random.fork_rng():
            draws = [draw for part in self._parts() for draw in write(part)]
        scores: list[tuple[AnswerKind, Future[RewardScore]]] = [
            (example.answer_kind, loop.start(scorer.accuracy(example, draw)))
            for example, draw in zip(self._mine, draws[: len(self._mine)], strict=True)
        ]
        found: dict[AnswerKind, Tally] = {kind: Tally() for kind in KINDS}
        for kind, score in scores:
            found[kind] = _counted(found[kind], score.result().value)
        return found

    def _parts(self) -> list[list[Inputs]]:
        inputs = [self._encoder.encode(example, self._params.format) for example in (*self._mine, *self._company)]
        size = self._params.rollout_batch or self._params.prompts_per_step * self._params.completions_per_prompt
        return [inputs[first : first + size] for first in range(0, len(inputs), size)]


def _counted(tally: Tally, value: float | None) -> Tally:
    if value is None:
        return tally._replace(unknown=tally.unknown + 1)
    return tally._replace(value=tally.value + value, known=tally.known + 1)
