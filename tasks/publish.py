"""Examples as a dataset for others: plain Parquet in Hugging Face layout, with a card and Croissant metadata.

    data/train-00000-of-00001.parquet, data/validation-...    the examples
    rejects/, overlaps/                                        what was left out, and what met a benchmark
    README.md, croissant.json                                  the card, and the same for machines
    LICENSE.md                                                 where the sources' licences differ

`datasets.load_dataset(folder)`, DuckDB, Polars and pyarrow open it with no code of ours.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.curation import Publishing
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.lineage import ancestors
from storage.publishing.contents import Naming
from storage.publishing.dataset import write_dataset
from storage.store import Store
from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS
from tasks.stage import stage


class PublishParams(Params, Publishing):
    """name and title for the card; the rest as the recipe has it."""

    name: str
    title: str


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="2", kind="dataset", reads_media=True)
def publish(draft: Draft, params: PublishParams, examples: Artifact, runtime: Runtime) -> None:
    store = Store(runtime.store)
    written = write_dataset(
        store.folder(examples),
        draft.folder,
        Naming(**params.model_dump(include=set(Naming.model_fields))),
        params.rows_per_file,
        params.media,
        store.blobs,
        [step.manifest for step in ancestors(store, examples)],
        {name: reader.homepage for name, reader in (DATASETS | BENCHMARKS).items()},
    )
    draft.entered = draft.left = written.rows
    draft.notes["splits"] = {split.name: split.rows for split in written.splits}
    draft.notes["embedded_bytes"] = written.embedding.bytes
