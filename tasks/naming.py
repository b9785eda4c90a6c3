"""Human names for what a run made."""

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage import names
from storage.store import Store


@task(task_run_name="give names", cache_policy=NO_CACHE, persist_result=False)
def give_names(artifacts: Mapping[str, Artifact], runtime: Runtime) -> None:
    """Call each artifact by its name, a new version of it unless it is the latest already; show what the run made."""
    store = Store(runtime.store)
    given = [names.give(store, name, artifact) for name, artifact in artifacts.items()]
    recipe = next(iter(artifacts)).partition("/")[0]
    create_table_artifact(
        table=[_line(store, name) for name in given],
        key=f"{recipe.replace('_', '-')}-made",
        description="What this run made or found there",
    )


def _line(store: Store, name: names.Name) -> dict[str, object]:
    manifest = store.manifest(name.artifact)
    return {
        "name": str(name),
        "rows": manifest.rows.left or "",
        "megabytes": round(sum(file.size for file in manifest.files) / 1e6, 1),
        "made": manifest.finished_at[:16].replace("T", " "),
        "artifact": str(name.artifact),
    }
