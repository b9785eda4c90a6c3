"""What one recipe asks for beyond language models: its tables and folders, and datasets of the hub."""

from collections.abc import Iterator

from flows.checks import checked
from flows.checkup.finding import Finding
from schemas.failures import HubUnreachable
from schemas.recipe import Recipe
from schemas.values import UserError


def recipe_itself(recipe: Recipe) -> Finding:
    """Whether a run of it would begin."""
    try:
        checked(recipe)
    except UserError as error:
        return Finding(part="recipe", name=recipe.name, verdict="broken", said=str(error))
    return Finding(part="recipe", name=recipe.name, verdict="ok", said="its names, folders and settings fit")


def hub(recipe: Recipe) -> Iterator[Finding]:
    """Whether the hub answers for each dataset that the recipe reads from it; nothing where it reads none."""
    for source in (*recipe.sources, *recipe.evaluation.benchmarks):
        if source.repository is not None:
            yield _on_hub(source.repository, source.revision)


def _on_hub(repository: str, revision: str) -> Finding:
    # The hub's client takes long to import, and few recipes need it.
    from storage.hub import LATEST, Repository, commit_of

    try:
        commit = commit_of(Repository(repository), revision if len(revision) != 40 else LATEST)
    except (UserError, HubUnreachable) as error:
        return Finding(part="hub", name=repository, verdict="broken", said=str(error))
    return Finding(part="hub", name=repository, verdict="ok", said=f"answers; {revision} is commit {commit[:12]}")
