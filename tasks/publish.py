"""Examples as a dataset for others: plain Parquet in Hugging Face layout, with a card and Croissant metadata.

    data/train-00000-of-00001.parquet, data/validation-...    the examples
    rejects/, overlaps/                                        what was left out, and what met a benchmark
    README.md, croissant.json

`datasets.load_dataset(folder)`, DuckDB, Polars and pyarrow open it with no code of ours.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.values import Params, Runtime
from storage.draft import Draft
from storage.publishing import write_dataset
from storage.store import Store
from tasks.stage import stage


class PublishParams(Params):
    """name and title for the card; rows_per_file bounds a file, so that a reader can stream and shard."""

    name: str
    title: str
    rows_per_file: int = 20_000


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="dataset")
def publish(draft: Draft, params: PublishParams, examples: Artifact, runtime: Runtime) -> None:
    store = Store(runtime.store)
    rows = write_dataset(
        store.folder(examples),
        draft.folder,
        params.name,
        params.title,
        params.rows_per_file,
        store.manifest(examples),
    )
    draft.entered = draft.left = rows
