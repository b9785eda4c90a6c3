"""The flows: `curate`, `train`, `evaluate`, `pipeline`, which is all three, `check` and `kl_sweep`.

Each is one paragraph. What an earlier run made is reused, so that `evaluate` after `train` only evaluates.
"""

from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.checking import check_rows
from flows.checks import Reads, measurable
from flows.evaluating import evaluate_models
from flows.gate import hold, require, rows
from flows.kl_sweep import train_sweep, write_page
from flows.leaving import end_with_worker
from flows.notify import notify
from flows.overrides import NO_OVERRIDES, Overrides, RecipeName, recipe_for
from flows.parts import curate_data, train_models
from flows.revisions import pinned
from flows.run import Run, run_of
from schemas.artifact import Artifact
from storage.store import Store
from tasks.naming import give_names
from tasks.showing import show_curation, show_minimums, show_results

# More threads than work: a task that waits for its inputs holds a thread but no core.
_RUNNER: TaskRunner[PrefectFuture[Any]] = ThreadPoolTaskRunner(max_workers=32)  # type: ignore[assignment]


def _run_name() -> str:
    name = RecipeName(flow_run.parameters["recipe"]).value
    return f"{name}-{flow_run.flow_name}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}"


def _begin(recipe: RecipeName, overrides: Overrides, rehash: bool, reads: Reads = "data and model") -> Run:
    end_with_worker()
    return run_of(pinned(recipe_for(recipe.value, overrides, reads)), rehash)


def _hold_minimums(run: Run, report: Artifact) -> None:
    """Show what the recipe asks of its stages beside what they reach. Raises BelowMinimum where one falls short."""
    if run.recipe.evaluation.minimums:
        found = hold(Store(run.runtime.store), run.recipe.evaluation.minimums, report)
        show_minimums(run.recipe.name, rows(found))
        require(found, report)


@flow(name="curate", flow_run_name=_run_name, task_runner=_RUNNER, on_failure=[notify], on_crashed=[notify])
def curate(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Read, rewrite, rate and choose training examples, and publish them as a dataset."""
    run = _begin(recipe, overrides, rehash, reads="data")
    data = curate_data(run)
    curated, dataset = run.settle([data.curated, data.dataset])
    show_curation(run.recipe.name, curated, run.runtime)
    give_names({f"{run.recipe.name}/curated": curated, f"{run.recipe.name}/dataset": dataset}, run.runtime)
    return dataset


@flow(name="train", flow_run_name=_run_name, task_runner=_RUNNER, on_failure=[notify], on_crashed=[notify])
def train(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> dict[str, Artifact]:
    """Train every stage of the recipe on curated examples."""
    run = _begin(recipe, overrides, rehash)
    futures = train_models(run, curate_data(run))
    checkpoints = dict(zip(futures, run.settle(futures.values()), strict=True))
    give_names({f"{run.recipe.name}/{name}": checkpoint for name, checkpoint in checkpoints.items()}, run.runtime)
    return checkpoints


@flow(name="evaluate", flow_run_name=_run_name, task_runner=_RUNNER, on_failure=[notify], on_crashed=[notify])
def evaluate(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Measure every trained stage on the benchmarks and write the report."""
    run = _begin(recipe, overrides, rehash)
    measurable(run.recipe)
    data = curate_data(run)
    checkpoints = train_models(run, data)
    report, *trained = run.settle([evaluate_models(run, data, checkpoints), *checkpoints.values()])
    show_results(run.recipe.name, report, run.runtime)
    made = {"report": report, **dict(zip(checkpoints, trained, strict=True))}
    give_names({f"{run.recipe.name}/{name}": artifact for name, artifact in made.items()}, run.runtime)
    _hold_minimums(run, report)
    return report


@flow(name="pipeline", flow_run_name=_run_name, task_runner=_RUNNER, on_failure=[notify], on_crashed=[notify])
def pipeline(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Everything from raw folders to the report; artifacts that are there already are reused."""
    run = _begin(recipe, overrides, rehash)
    measurable(run.recipe)
    data = curate_data(run)
    checkpoints = train_models(run, data)
    last = evaluate_models(run, data, checkpoints)
    report, curated, dataset, *trained = run.settle([last, data.curated, data.dataset, *checkpoints.values()])
    show_curation(run.recipe.name, curated, run.runtime)
    show_results(run.recipe.name, report, run.runtime)
    made = {
        "report": report,
        "curated": curated,
        "dataset": dataset,
        **dict(zip(checkpoints, trained, strict=True)),
    }
    give_names({f"{run.recipe.name}/{name}": artifact for name, artifact in made.items()}, run.runtime)
    _hold_minimums(run, report)
    return report


@flow(name="check", flow_run_name=_run_name, task_runner=_RUNNER, on_failure=[notify], on_crashed=[notify])
def check(recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False) -> Artifact:
    """Try the judge on texts that must not score, and count facts, on rows that the last curation rewrote."""
    end_with_worker()
    # no revision is asked for either
    run = run_of(recipe_for(recipe.value, overrides, reads="nothing"), rehash)
    (checked,) = run.settle([check_rows(run)])
    give_names({f"{run.recipe.name}/check": checked}, run.runtime)
    return checked


@flow(name="kl_sweep", flow_run_name=_run_name, task_runner=_RUNNER, on_failure=[notify], on_crashed=[notify])
def kl_sweep(
    recipe: RecipeName, overrides: Overrides = NO_OVERRIDES, rehash: bool = False, *, stage: str, ends: list[float]
) -> str:
    """Train one GRPO stage with several final KL weights; the path of a page with their curves."""
    run = _begin(recipe, overrides, rehash)
    trained = train_sweep(run, curate_data(run), stage, ends)
    checkpoints = dict(zip(trained, run.settle(trained.values()), strict=True))
    return str(write_page(run, stage, checkpoints))
