"""Which prompts a run of reinforcement learning will meet, in which order, fixed before it starts.

Every prompt of the plan is encoded once beforehand. One whose media cannot be read is left out on every rank,
and the next of the seeded order takes its place, so that no group is ever made up of something else.
"""

import sys
from collections.abc import Sequence
from typing import NamedTuple

from accelerate import PartialState
from accelerate.utils import gather_object

from schemas.completion import FormatName
from schemas.example import Example
from schemas.training import GrpoParams, View
from schemas.values import UserError
from training.inputs import Encoder, NoPrompt
from training.sft import order

_AHEAD = 4
"""Examples whose media are read side by side; what is read ahead is held in memory."""


class PromptPlan(NamedTuple):
    """rows: index of an example for each prompt in its turn. spares: of each prompt that stands in for one that teaches
    nothing, by generation, round and place. left_out: why an example was not used, by id.
    """

    rows: list[int]
    spares: list[int]
    left_out: dict[str, str]


def plan_prompts(encoder: Encoder, examples: Sequence[Example], params: GrpoParams) -> PromptPlan:
    """The same plan on every rank and in every restart. Raises UserError when no prompt can be made.

    The spares go on where the rows end, so a run that needs none meets the same prompts with and without them.
    """
    asked = generations(params) * params.prompts_per_step
    needed = asked * (1 + rounds(params))
    drawn, checked, left_out = needed, set[int](), dict[str, str]()
    while True:
        rows = order(len(examples), drawn, params.seed)
        fresh = sorted(set(rows) - checked)
        left_out |= unreadable(encoder, [examples[row] for row in fresh], params.format, params.views)
        checked.update(fresh)
        if len(left_out) == len(examples):
            raise UserError(f"no prompt can be made of {len(examples)}; the first: {min(left_out.items())}")
        usable = [row for row in rows if examples[row].id not in left_out]
        if len(usable) >= needed:
            return PromptPlan(usable[:asked], usable[asked:needed], left_out)
        drawn += needed - len(usable)


def generations(params: GrpoParams) -> int:
    """How often a run draws completions: each lot is learnt from in `iterations` updates."""
    return -(-params.steps // params.iterations)


def share(plan: PromptPlan, params: GrpoParams, generation: int, rank: int) -> list[int]:
    """Rows of the prompts that a rank draws in a generation; none after the last."""
    size = params.prompts_per_step // params.world_size
    first = generation * params.prompts_per_step + rank * size
    return plan.rows[first : first + size]


def rounds(params: GrpoParams) -> int:
    """How often other prompts may be drawn in place of those that teach nothing."""
    return params.resample_at_most if params.zero_variance == "resample" else 0


def spare(params: GrpoParams, generation: int, number: int, place: int) -> int:
    """Where the stand-in of `place` (of all ranks' prompts) stands among the spares; rounds count from 1."""
    return (generation * rounds(params) + number - 1) * params.prompts_per_step + place


def unreadable(
    encoder: Encoder, examples: Sequence[Example], format: FormatName, views: Sequence[View] = ()
) -> dict[str, str]:
    """Reasons by id, found by all ranks together and known to each. views: in which they are asked besides in full."""
    ranks = PartialState()
    failed = []
    mine = examples[ranks.process_index :: ranks.num_processes]
    for place, example in enumerate(mine):
        encoder.prefetch(mine[place : place + _AHEAD])
        try:
            for view in ("full", *views):
                encoder.encode(example, format, view)
        except NoPrompt as error:
            failed.append((example.id, str(error)))
    reasons = dict(gather_object(failed))
    if ranks.is_main_process:
        for id, reason in sorted(reasons.items()):
            print(f"left out {id}: {reason}", file=sys.stderr, flush=True)
    return reasons
