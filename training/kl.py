"""The weight of the KL term over a run: linear from start to end over the first share of the steps, then
flat.

HumanOmniV2 goes from 0.04 to 0.01 over the first half. The weight never touches 0 on the way, because the
reference model is loaded when training starts or not at all.
"""

from schemas.training import Kl
from schemas.values import UserError


def weight(kl: Kl, step: int, steps: int) -> float:
    """Weight at `step`, from 0, of `steps`. Raises UserError for a schedule that starts or ends at 0."""
    if min(kl.start, kl.end) < 0 or (kl.start == 0) != (kl.end == 0):
        raise UserError(f"kl from {kl.start:g} to {kl.end:g}: both must be above 0, or both 0 for no KL term")
    ramp = kl.over * steps
    share = min(1.0, step / ramp) if ramp else 1.0
    return (1 - share) * kl.start + share * kl.end
