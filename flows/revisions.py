"""Revisions of datasets on the hub, made exact when a flow starts: what follows sees commits, which never change."""

from functools import cache

from schemas.curation import Source
from schemas.recipe import Recipe
from tasks.find_commit import find_commit


def pinned(recipe: Recipe) -> Recipe:
    """The recipe with the commit of every source that lies on the hub. Raises UserError for one that is not there."""
    commit = cache(find_commit)  # for this call alone: sources of one repository see one commit

    def exact(source: Source) -> Source:
        if source.repository is None:
            return source
        return source.model_copy(update={"revision": commit(source.repository, source.revision)})

    benchmarks = tuple(map(exact, recipe.evaluation.benchmarks))
    evaluation = recipe.evaluation.model_copy(update={"benchmarks": benchmarks})
    return recipe.model_copy(update={"sources": tuple(map(exact, recipe.sources)), "evaluation": evaluation})
