"""One generation of a rank: prompts encoded, completions written, and scoring begun while the model goes on.

Completions are written some whole groups at a time; the judged rewards of those that are done are asked for in the
background, beside the writing of the others and beside the log-probabilities that follow.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from schemas.example import Example
from schemas.training import GrpoParams, View
from schemas.values import UserError
from training.inputs import Encoder, Inputs, NoPrompt
from training.judging import SideLoop
from training.scoring import Draw, Scored, Scorer
from training.step_times import StepTimes

Write = Callable[[Sequence[Inputs]], list[Draw]]
"""One completion for each, in their order."""


@dataclass(frozen=True)
class Drawn:
    """All completions of one prompt, whose scores may still be on their way.

    row: of the example. stand_in: 0 for a prompt of the plan, else the round in which it took another's place.
    """

    row: int
    stand_in: int
    inputs: Inputs
    draws: tuple[Draw, ...]
    scores: "Future[Scored]"


class Drawer:
    """Draws the groups of a run. company: row of an example whose prompt can be made."""

    def __init__(
        self,
        params: GrpoParams,
        examples: Sequence[Example],
        encoder: Encoder,
        scorer: Scorer,
        loop: SideLoop,
        times: StepTimes,
        company: int,
    ) -> None:
        self._company = company
        self._params, self._examples, self._encoder = params, examples, encoder
        self._scorer, self._loop, self._times = scorer, loop, times

    def draw(self, write: Write, rows: Sequence[int], stand_in: int = 0, most: int = 0) -> list[Drawn]:
        """A group for each of these examples. Raises UserError when media cannot be read any more.

        most: examples of the rank that draws most. Where weights are shared out over ranks each forward pass needs all
        of them, so a rank that has none left writes one completion for company and throws it away.
        """
        longest = max(most, len(rows))
        size = (self._params.rollout_batch or longest * self._group) // self._group
        drawn: list[Drawn] = []
        for first in range(0, longest, size):
            if part := rows[first : first + size]:
                drawn += self._draw(write, part, stand_in)
            else:
                self._keep_company(write)
        return drawn

    def encode(self, row: int, view: View = "full") -> Inputs:
        """The prompt of an example.

        The plan has proved that it can be made, so a file that cannot be read now is lost or was changed since. To go
        on without it would make another run of this one, so the run stops instead.
        """
        example = self._examples[row]
        try:
            with self._times.part("decode"):
                return self._encoder.encode(example, self._params.format, view)
        except NoPrompt as error:
            raise UserError(
                f"the prompt of {example.id} could be made when the run began, and now it cannot: {error}; "
                f"put its media back and start again, and training goes on from its newest checkpoint"
            ) from error

    @property
    def _group(self) -> int:
        return self._params.completions_per_prompt

    def _draw(self, write: Write, rows: Sequence[int], stand_in: int) -> list[Drawn]:
        inputs = [self.encode(row) for row in rows]
        draws = self._written(write, inputs, self._group)
        views = [dict[View, tuple[Draw, ...]]() for _ in rows]
        for view in self._params.views:
            prompts = [self.encode(row, view) for row in rows]
            seen = self._written(write, prompts, self._params.view_completions)
            for own, others in zip(views, seen, strict=True):
                own[view] = others
        return [
            Drawn(row, stand_in, *mine, self._loop.start(self._scorer.score(self._examples[row], mine[1], others)))
            for row, mine, others in zip(rows, zip(inputs, draws, strict=True), views, strict=True)
        ]

    def _keep_company(self, write: Write) -> None:
        for view in ("full", *self._params.views):
            self._written(write, [self.encode(self._company, view)], 1)

    def _written(self, write: Write, inputs: Sequence[Inputs], each: int) -> list[tuple[Draw, ...]]:
        """`each` completions of every prompt."""
        with self._times.part("generate"):
            draws = write([prompt for prompt in inputs for _ in range(each)])
        return [tuple(draws[first : first + each]) for first in range(0, len(draws), each)]
