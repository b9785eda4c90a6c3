"""Human names for what a run made."""

from collections.abc import Mapping

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage import names
from storage.store import Store


@task(cache_policy=NO_CACHE, persist_result=False)
def give_names(artifacts: Mapping[str, Artifact], runtime: Runtime) -> None:
    """Call each artifact by its name: a new version of the name unless it is the latest already."""
    root = Store(runtime.store).root
    for name, artifact in artifacts.items():
        names.give(root, name, artifact)
