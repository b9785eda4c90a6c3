"""The flows: `curate`, `train`, `evaluate`, and `pipeline`, which is all three.

Each is one paragraph. What an earlier run made is reused, so that `evaluate` after `train` only evaluates.
"""

from datetime import UTC, datetime

from prefect import flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.overrides import NO_OVERRIDES, Overrides, RecipeName, recipe_for
from flows.parts import curate_data, evaluate_models, settle, train_models
from flows.settings import runtime
from schemas.artifact import Artifact
from tasks.naming import give_names
from tasks.showing import show_curation, show_results

# More threads than work: a task that waits for its inputs holds a thread but no core.
_RUNNER = ThreadPoolTaskRunner(max_workers=32)


def _run_name() -> str:
    name = RecipeName(flow_run.parameters["recipe"]).value
    return f"{name}-{flow_run.flow_name}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}"


@flow(name="curate", flow_run_name=_run_name, task_runner=_RUNNER)
def curate(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Read, rewrite, rate and choose training examples, and publish them as a dataset."""
    plan, where = recipe_for(recipe.value, overrides), runtime(rehash)
    data = curate_data(plan, where)
    curated, dataset = settle([data.curated, data.dataset])
    show_curation(plan.name, curated, where)
    give_names({f"{plan.name}/curated": curated, f"{plan.name}/dataset": dataset}, where)
    return dataset


@flow(name="train", flow_run_name=_run_name, task_runner=_RUNNER)
def train(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> dict[str, Artifact]:
    """Train every stage of the recipe on curated examples."""
    plan, where = recipe_for(recipe.value, overrides), runtime(rehash)
    futures = train_models(plan, curate_data(plan, where), where)
    checkpoints = dict(zip(futures, settle(futures.values()), strict=True))
    give_names({f"{plan.name}/{name}": checkpoint for name, checkpoint in checkpoints.items()}, where)
    return checkpoints


@flow(name="evaluate", flow_run_name=_run_name, task_runner=_RUNNER)
def evaluate(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Measure every trained stage on the benchmarks and write the report."""
    plan, where = recipe_for(recipe.value, overrides), runtime(rehash)
    data = curate_data(plan, where)
    checkpoints = train_models(plan, data, where)
    report, *_ = settle([evaluate_models(plan, data, checkpoints, where), *checkpoints.values()])
    show_results(plan.name, report, where)
    give_names({f"{plan.name}/report": report}, where)
    return report


@flow(name="pipeline", flow_run_name=_run_name, task_runner=_RUNNER)
def pipeline(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Everything from raw folders to the report; artifacts that are there already are reused."""
    plan, where = recipe_for(recipe.value, overrides), runtime(rehash)
    data = curate_data(plan, where)
    checkpoints = train_models(plan, data, where)
    last = evaluate_models(plan, data, checkpoints, where)
    report, curated, dataset, *trained = settle([last, data.curated, data.dataset, *checkpoints.values()])
    show_curation(plan.name, curated, where)
    show_results(plan.name, report, where)
    made = {
        "report": report,
        "curated": curated,
        "dataset": dataset,
        **dict(zip(checkpoints, trained, strict=True)),
    }
    give_names({f"{plan.name}/{name}": artifact for name, artifact in made.items()}, where)
    return report
