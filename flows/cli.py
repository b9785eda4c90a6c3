"""The command line: `contextfirst run RECIPE`, and a window on the store.

Exit codes: 0 done, 1 a stage failed, a check found a fault or a minimum was missed, 2 something given was wrong. A
mistake is one line that says what, where and how to mend it; the whole log of a run is in its Prefect UI and in
{store}/logs.
"""

import os
import sys
from collections.abc import Iterable
from enum import Enum
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows import (
    doctor_command,
    export_command,
    llm_command,
    publish_command,
    render_command,
    score_command,
    store_commands,
)
from flows.checks import Reads, checked
from flows.compare_command import compare_named, print_compared
from flows.gate import hold, print_held
from flows.judged import print_judged
from flows.kl_ends import ends_of, with_end
from flows.settings import STORE
from flows.terminal import (
    JsonOption,
    RecipeArgument,
    RehashOption,
    SetOption,
    StoreOption,
    find,
    open_store,
    out,
    say,
    write_json,
)
from recipes.reading import read_recipe, recipe_names
from schemas.artifact import Artifact
from schemas.evaluation import Minimum
from schemas.failures import (
    BelowMinimum,
    BudgetReached,
    HubUnreachable,
    LeaseLost,
    ModuleFailed,
    NoAnswer,
    StoreUnreachable,
)
from schemas.values import UserError
from storage.store import Store
from tasks.checking.rows import rewritten_by

app = typer.Typer(
    name="contextfirst",
    help="Curate context-first omni-modal reasoning data, train a model on it, and evaluate it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class _Flow(Enum):
    CURATE = "curate"
    TRAIN = "train"
    EVALUATE = "evaluate"
    PIPELINE = "pipeline"
    CHECK = "check"
    KL_SWEEP = "kl_sweep"


_READS: dict[_Flow, Reads] = {_Flow.CHECK: "nothing", _Flow.CURATE: "data"}
"""Where that is less than all."""


@app.command()
def run(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    rehash: RehashOption = False,
) -> None:
    """Run everything: curate, train, evaluate, report. What is there already is reused."""
    _report(_Flow.PIPELINE, recipe, changes, store, rehash)


@app.command()
def curate(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    rehash: RehashOption = False,
) -> None:
    """Read, rewrite, rate and choose training examples, and publish them as a dataset."""
    _start(_Flow.CURATE, recipe, changes, store, rehash)


@app.command()
def train(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    rehash: RehashOption = False,
) -> None:
    """Train every stage of the recipe on curated examples."""
    _start(_Flow.TRAIN, recipe, changes, store, rehash)


@app.command()
def evaluate(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    rehash: RehashOption = False,
) -> None:
    """Measure the trained stages on the benchmarks and write the report."""
    _report(_Flow.EVALUATE, recipe, changes, store, rehash)


@app.command("kl-sweep")
def kl_sweep(
    recipe: RecipeArgument,
    stage: Annotated[str, typer.Option("--stage", help="The GRPO stage to train.")],
    ends: Annotated[str, typer.Option("--ends", metavar="WEIGHTS", help="Final KL weights: 0.04,0.02,0.01.")],
    changes: SetOption = [],
    store: StoreOption = Path("store"),
) -> None:
    """Train one GRPO stage with several final KL weights and draw their curves over each other."""
    weights = ends_of(ends)
    for end in weights:
        with_end(read_recipe(recipe, changes), stage, end)  # a mistake shows before Prefect has started
    say(_start(_Flow.KL_SWEEP, recipe, changes, store, rehash=False, stage=stage, ends=weights))


@app.command()
def check(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    json: JsonOption = None,
) -> None:
    """Try the judge on texts that must not score, and count the facts that rewritten contexts state."""
    name = read_recipe(recipe, changes).name
    rewritten_by(open_store(store), name)  # a mistake shows before Prefect has started
    folder = open_store(store).folder(_start(_Flow.CHECK, recipe, changes, store, rehash=False))
    # What reads and prints findings knows the stage, and so Prefect.
    from flows.checking import print_findings, read_findings

    found = read_findings(folder)
    print_findings(out, found)
    write_json(json, found)
    if not found.passed:
        raise typer.Exit(1)


@app.command()
def compare(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="demo/sft, demo/sft:muted (or :blind), demo/report@2, or score/4f0c1a."),
    ],
    against: Annotated[
        str, typer.Argument(metavar="AGAINST", help="The same kind of name: what RUN is measured against.")
    ],
    store: StoreOption = Path("store"),
    json: JsonOption = None,
) -> None:
    """Compare two runs on the same examples: differences with intervals, tests, and what is only noise."""
    opened = open_store(store)
    found = compare_named(opened, lambda name: find(opened, name), run, against)
    print_compared(out, found)
    write_json(json, found)


@app.command()
def recipes() -> None:
    """List the recipes."""
    table = Table("recipe", "what it is", box=None)
    for name in recipe_names():
        table.add_row(name, read_recipe(name).title)
    out.print(table)


app.command()(score_command.score)
app.command("ls")(store_commands.list_artifacts)
app.command()(store_commands.show)
app.command("lineage")(store_commands.show_lineage)
app.command()(store_commands.verify)
app.command()(store_commands.gc)
app.command()(publish_command.publish)
app.command()(doctor_command.doctor)
app.command("export")(export_command.export_examples)
app.command()(render_command.render)
app.add_typer(llm_command.app, name="llm")


_FAILURES = (BelowMinimum, BudgetReached, HubUnreachable, LeaseLost, ModuleFailed, NoAnswer, StoreUnreachable)


def main() -> None:
    """Entry point: run the app, and turn mistakes into one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may not know every character of a result
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name=app.info.name, standalone_mode=False)
    except UserError as error:
        _fail("error", str(error), 2)
    except typer.TyperException as error:
        _fail("error", " ".join(error.format_message().split()), 2)
    except _FAILURES as error:
        _fail("failed", str(error), 1)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code)


def _fail(word: str, message: str, code: int) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"{word}: {escape(message)}", highlight=False)
    sys.exit(code)


def _start(flow: _Flow, recipe: str, changes: list[str], store: Path, rehash: bool, **more: object) -> Any:
    """Run a flow in this process, with Prefect's embedded server unless PREFECT_API_URL names one."""
    reads = _READS.get(flow, "data and model")
    plan = checked(read_recipe(recipe, changes), reads)  # a mistake shows before Prefect has started
    Store(store)
    os.environ[STORE] = str(store)
    _quiet_prefect()
    # Prefect takes seconds to import, and reads its settings then.
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.embedded import start_embedded_server

    load = partial(import_module, "flows.pipeline")
    address = PREFECT_API_URL.value() or start_embedded_server(meanwhile=load)
    pipeline = load()
    with temporary_settings({PREFECT_API_URL: address}):
        say(f"{plan.name}: {plan.title}")
        run_flow = getattr(pipeline, flow.value)
        return run_flow(pipeline.RecipeName(recipe), pipeline.Overrides(set=changes), rehash, **more)


def _quiet_prefect() -> None:
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def _report(flow: _Flow, recipe: str, changes: list[str], store: Path, rehash: bool) -> None:
    """Run a flow that ends in a report and show it, also where it falls short of the recipe's minimums."""
    minimums = read_recipe(recipe, changes).evaluation.minimums
    try:
        _show_report(_start(flow, recipe, changes, store, rehash), minimums, store)
    except BelowMinimum as error:
        _show_report(error.report, minimums, store)
        raise


def _show_report(report: Artifact, minimums: Iterable[Minimum], store: Path) -> None:
    from flows.results import print_results

    opened = open_store(store)
    folder = opened.folder(report)
    print_results(out, folder)
    print_judged(out, opened, report)
    print_held(out, hold(opened, minimums, report))
    say(f"\nreport: {folder / 'report.html'}")


if __name__ == "__main__":
    main()
