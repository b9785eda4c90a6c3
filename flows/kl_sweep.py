"""One GRPO stage with several final KL weights, and the page that draws their curves over each other.

Each weight is a recipe of its own, cut down to what the stage needs, so that all before the stage is made once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from flows.kl_ends import with_end
from flows.parts import Data, train_models
from flows.run import Future, Run
from reporting.sweeps import sweep_page
from schemas.artifact import Artifact
from storage.files import write_text
from storage.store import Store


def train_sweep(run: Run, data: Data, stage: str, ends: Sequence[float]) -> dict[str, Future]:
    """The checkpoint of `stage` for each final weight."""
    return {
        f"{end:g}": train_models(replace(run, recipe=with_end(run.recipe, stage, end)), data)[stage] for end in ends
    }


def write_page(run: Run, stage: str, trained: Mapping[str, Artifact]) -> Path:
    """Draw the metrics of all runs into `{store}/reports/`, and return the page."""
    store = Store(run.runtime.store)
    metrics = {end: pq.read_table(store.folder(made) / "metrics.parquet") for end, made in trained.items()}
    page = store.root / "reports" / f"{run.recipe.name}-{stage}-kl-sweep.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, sweep_page(f"{run.recipe.title}: {stage}, final KL weight", "final weight", metrics))
    return page
