"""What a run shows in the Prefect UI: the curation funnel, overlaps, the results, and a link to the report."""

from collections.abc import Iterator

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.lineage import ancestors
from storage.parquet import read_rows
from storage.store import Store


@task(task_run_name="show curation of {recipe}", cache_policy=NO_CACHE, persist_result=False)
def show_curation(recipe: str, curated: Artifact, runtime: Runtime) -> None:
    """Two tables: a line a stage, source by source, with its rows and rejects; a line a source and benchmark with the
    rows in both."""
    store = Store(runtime.store)
    lines = list(_rows_through(store, curated))[::-1]
    create_table_artifact(table=lines, key=f"{_key(recipe)}-curation", description="Rows through curation")
    overlaps = list(read_rows(store.folder(curated), "overlaps"))
    create_table_artifact(
        table=overlaps,
        key=f"{_key(recipe)}-overlaps",
        description="Rows of each source that meet each benchmark, before any were removed",
    )


@task(task_run_name="show results of {recipe}", cache_policy=NO_CACHE, persist_result=False)
def show_results(recipe: str, report: Artifact, runtime: Runtime) -> None:
    """The results as Markdown, in which text of rows is escaped, and where to open the report."""
    text = (Store(runtime.store).folder(report) / "report.md").read_text(encoding="utf-8")
    key = _key(recipe)
    if runtime.reports_url:
        link = f"{runtime.reports_url.rstrip('/')}/{report.fingerprint}/report.html"
        create_link_artifact(link, link_text="Open the report", key=f"{key}-report", description="Report")
        text = f"[Open the report, with its drawings and examples]({link})\n\n{text}"
    create_markdown_artifact(text, key=f"{key}-results", description="Results")


@task(task_run_name="show minimums of {recipe}", cache_policy=NO_CACHE, persist_result=False)
def show_minimums(recipe: str, lines: list[dict[str, str]]) -> None:
    """What the recipe asks of its stages, beside what they reach."""
    create_table_artifact(table=lines, key=f"{_key(recipe)}-minimums", description="Minimums and what was measured")


def _rows_through(store: Store, curated: Artifact) -> Iterator[dict[str, object]]:
    """A line for each stage that rows passed, last stage first. A source is called as curation calls its input."""
    source = "all"
    for step in ancestors(store, curated):
        if step.depth == 1:
            source = step.name.partition(".")[2]
        if step.manifest.kind == "examples":
            rows = step.manifest.rows
            yield {
                "source": source,
                "stage": step.manifest.stage,
                "in": rows.entered,
                "out": rows.left,
                "rejected": ", ".join(f"{reason} {count}" for reason, count in rows.rejected.items()),
                "artifact": str(step.manifest.artifact),
            }


def _key(recipe: str) -> str:
    """Prefect's artifact keys take lower-case letters, digits and dashes."""
    return recipe.replace("_", "-")
