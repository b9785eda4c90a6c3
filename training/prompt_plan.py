"""Which prompts a run of reinforcement learning will meet, in which order, fixed before it starts.

Every prompt of the plan is encoded once beforehand. One whose media cannot be read is left out on every rank,
and the next of the seeded order takes its place, so that no group is ever made up of something else.
"""

import sys
from collections.abc import Sequence
from typing import NamedTuple

from accelerate import PartialState
from accelerate.utils import gather_object

from media.errors import MediaError
from schemas.example import Example
from schemas.training import GrpoParams
from schemas.values import UserError
from training.inputs import Encoder
from training.sft import order


class PromptPlan(NamedTuple):
    """rows: index of an example for each prompt in its turn. left_out: why an example was not used, by id."""

    rows: list[int]
    left_out: dict[str, str]


def plan_prompts(encoder: Encoder, examples: Sequence[Example], params: GrpoParams) -> PromptPlan:
    """The same plan on every rank and in every restart. Raises UserError when no prompt can be made."""
    needed = -(-params.steps // params.iterations) * params.prompts_per_step
    drawn, checked, left_out = needed, set[int](), dict[str, str]()
    while True:
        rows = order(len(examples), drawn, params.seed)
        fresh = sorted(set(rows) - checked)
        left_out |= unreadable(encoder, [examples[row] for row in fresh], params)
        checked.update(fresh)
        if len(left_out) == len(examples):
            raise UserError(f"no prompt can be made of {len(examples)}; the first: {min(left_out.items())}")
        usable = [row for row in rows if examples[row].id not in left_out]
        if len(usable) >= needed:
            return PromptPlan(usable[:needed], left_out)
        drawn += needed - len(usable)


def unreadable(encoder: Encoder, examples: Sequence[Example], params: GrpoParams) -> dict[str, str]:
    """Reasons by id, found by all ranks together and known to each."""
    ranks = PartialState()
    failed = []
    for example in examples[ranks.process_index :: ranks.num_processes]:
        try:
            encoder.encode(example, params.format)
        except (MediaError, ValueError) as error:
            failed.append((example.id, str(error)))
    reasons = dict(gather_object(failed))
    if ranks.is_main_process:
        for id, reason in sorted(reasons.items()):
            print(f"left out {id}: {reason}", file=sys.stderr, flush=True)
    return reasons
