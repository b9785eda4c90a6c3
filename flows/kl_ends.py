"""A recipe cut down to one GRPO stage whose KL weight ends elsewhere. Knows nothing of Prefect."""

from math import isfinite

from schemas.recipe import GrpoStage, Recipe
from schemas.values import UserError
from training.kl import weight


def ends_of(text: str) -> list[float]:
    """Final weights as given on the command line. Raises UserError."""
    try:
        ends = [float(each) for each in text.split(",")]
    except ValueError:
        raise UserError(f"--ends {text!r}: give numbers with commas between them, as 0.04,0.02,0.01") from None
    if not all(map(isfinite, ends)):  # `nan` and `inf` are numbers to Python, and have no canonical JSON
        raise UserError(f"--ends {text!r}: a KL weight is a plain number above 0, as 0.04")
    return ends


def with_end(recipe: Recipe, stage: str, end: float) -> Recipe:
    """The recipe up to a GRPO stage, whose KL weight ends at `end`. Raises UserError where it has no such schedule."""
    wanted = _grpo_stage(recipe, stage)
    kl = wanted.params.kl.model_copy(update={"end": end})
    weight(kl, 0, wanted.params.steps)
    if kl.target is not None:
        raise UserError(f"stage {stage} steers its KL to {kl.target:g}: there is no final weight to vary")
    changed = wanted.model_copy(update={"params": wanted.params.model_copy(update={"kl": kl}), "after": ()})
    before = []
    name = wanted.init_from
    while name != "model":
        before.append(recipe.stage(name).model_copy(update={"after": ()}))
        name = before[-1].init_from
    return recipe.model_copy(update={"stages": (*reversed(before), changed)})


def _grpo_stage(recipe: Recipe, name: str) -> GrpoStage:
    found = [stage for stage in recipe.stages if isinstance(stage, GrpoStage)]
    for stage in found:
        if stage.name == name:
            return stage
    known = ", ".join(stage.name for stage in found) or "none"
    raise UserError(f"recipe {recipe.name} has no GRPO stage {name!r}; it has {known}")
