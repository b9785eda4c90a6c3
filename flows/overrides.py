"""The form of a run in the Prefect UI: a recipe to pick, and the overrides that people reach for.

Everything else in a recipe can be changed too, by `path.to.field=value` lines, as on the command line.
"""

import json
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.checks import Reads, checked
from recipes.reading import read_recipe, recipe_names
from schemas.recipe import Recipe
from schemas.takes import Take

if TYPE_CHECKING:

    class RecipeName(StrEnum):
        """The recipes, as a select in the form."""

else:
    RecipeName = Enum("RecipeName", {name: name for name in recipe_names()}, type=str)
    RecipeName.__doc__ = "What to run: sources, language models, training stages, benchmarks."  # shown in the form


class Overrides(BaseModel):
    """Changes to the recipe for this run. Empty fields keep what the recipe says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    llm_provider: Literal["offline", "openai", "gemini"] | None = Field(
        default=None, title="LLM provider", description="Who rewrites, rates and judges. `offline` needs no network."
    )
    llm_model: str | None = Field(default=None, title="LLM model", description="Its name at that provider.")
    concurrency: int | None = Field(default=None, ge=1, description="LLM requests in flight at most.")
    max_dollars: float | None = Field(
        default=None, ge=0, description="What making one artifact may cost in US dollars; needs the recipe's prices."
    )
    min_quality: float | None = Field(
        default=None, ge=0, le=1, description="Least quality of a rated row, 0 to 1. Cheap to change."
    )
    contamination: Literal["stop", "remove"] | None = Field(
        default=None, description="What to do with training rows that meet a benchmark, by video, file or question."
    )
    take: Take | None = Field(
        default=None,
        description="Rows of every source: all, first:100, last:10%, random:50%.",
    )
    revision: str | None = Field(
        default=None,
        description="Of what lies on the hub: latest, a branch, a tag or a commit. Folders are taken as they are.",
    )
    set: list[str] = Field(default=[], description="Any other field of the recipe, one `path.to.field=value` a line.")


NO_OVERRIDES = Overrides()


def recipe_for(name: str, overrides: Overrides, reads: Reads = "data and model") -> Recipe:
    """The recipe with the overrides applied: the lines first, since fields of the form speak of sources that those may
    have moved. Raises UserError for a field or value it does not know."""
    recipe = read_recipe(name, overrides.set)
    return checked(read_recipe(name, [*overrides.set, *_changes(recipe, overrides)]), reads)


def _changes(recipe: Recipe, overrides: Overrides) -> list[str]:
    """As JSON, which YAML reads as what it is: `yes`, `1.0` or `a #b` is a name there, and stays one."""
    lines = {
        "llm.concurrency": overrides.concurrency,
        "llm.max_dollars": overrides.max_dollars,
        "curation.min_quality": overrides.min_quality,
        "curation.contamination": overrides.contamination,
        **{f"{user}.provider": overrides.llm_provider for user in ("rewrite", "rate", "judge")},
        **{f"{user}.model": overrides.llm_model for user in ("rewrite", "rate", "judge")},
        **{f"sources.{source.name}.take": overrides.take for source in recipe.sources},
        **{f"{path}.revision": overrides.revision for path in _on_hub(recipe)},
    }
    given = {path: value.strip() if isinstance(value, str) else value for path, value in lines.items()}
    return [f"{path}={json.dumps(value)}" for path, value in given.items() if value not in (None, "")]


def _on_hub(recipe: Recipe) -> list[str]:
    places = {"sources": recipe.sources, "evaluation.benchmarks": recipe.evaluation.benchmarks}
    return [f"{place}.{item.name}" for place, items in places.items() for item in items if item.repository is not None]
