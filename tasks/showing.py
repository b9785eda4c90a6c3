"""What a run shows in the Prefect UI: the curation funnel, overlaps, the results, and a link to the report."""

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.lineage import ancestors
from storage.parquet import read_rows
from storage.store import Store


@task(cache_policy=NO_CACHE, persist_result=False)
def show_curation(recipe: str, curated: Artifact, runtime: Runtime) -> None:
    """Two tables: a line a stage with its rows and rejects; a line a source and benchmark with the rows in both."""
    store = Store(runtime.store)
    lines = [
        {
            "stage": str(step.manifest.artifact),
            "source": str(step.manifest.params.get("dataset", "")),
            "in": step.manifest.rows.entered,
            "out": step.manifest.rows.left,
            "rejected": ", ".join(f"{reason} {count}" for reason, count in step.manifest.rows.rejected.items()),
        }
        for step in ancestors(store, curated)
        if step.manifest.kind == "examples"
    ]
    create_table_artifact(table=lines, key=f"{_key(recipe)}-curation", description="Rows through curation")
    overlaps = list(read_rows(store.folder(curated), "overlaps"))
    create_table_artifact(
        table=overlaps,
        key=f"{_key(recipe)}-overlaps",
        description="Rows of each source that meet each benchmark, before any were removed",
    )


@task(cache_policy=NO_CACHE, persist_result=False)
def show_results(recipe: str, report: Artifact, runtime: Runtime) -> None:
    """The results as Markdown, and where to open the report."""
    folder = Store(runtime.store).folder(report)
    key = _key(recipe)
    create_markdown_artifact((folder / "report.md").read_text(), key=f"{key}-results", description="Results")
    if runtime.reports_url:
        link = f"{runtime.reports_url.rstrip('/')}/{report.fingerprint}/report.html"
        create_link_artifact(link, link_text="Open the report", key=f"{key}-report", description="Report")


def _key(recipe: str) -> str:
    """Prefect's artifact keys take lower-case letters, digits and dashes."""
    return recipe.replace("_", "-")
