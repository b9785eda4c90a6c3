"""The command line: `contextfirst run RECIPE`, and a window on the store.

Exit codes: 0 done, 1 a stage failed or a check found a fault, 2 something given was wrong. A mistake is one line that
says what, where and how to mend it; the whole log of a run is in its Prefect UI and in {store}/logs.
"""

import os
import shutil
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from flows import llm_command, score_command
from flows.checks import checked
from flows.compare_command import compare_named, print_compared
from flows.kl_ends import ends_of, with_end
from recipes.reading import read_recipe, recipe_names
from schemas.artifact import Artifact, Manifest
from schemas.failures import BudgetReached, HubUnreachable, ModuleFailed, NoAnswer
from schemas.values import UserError
from storage import garbage, lineage, names
from storage.files import write_text
from storage.store import ArtifactNotFound, Store
from tasks.checking.rows import rewritten_by

_STORE = "CONTEXTFIRST_STORE"

app = typer.Typer(
    name="contextfirst",
    help="Curate context-first omni-modal reasoning data, train a model on it, and evaluate it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(llm_command.app, name="llm")
app.command()(score_command.score)
out = Console(width=None if sys.stdout.isatty() else 160)

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe's name: `contextfirst recipes` lists them.")
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="An artifact: demo/curated, demo/curated@2, or curate/4f0c1a.")
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one field of the recipe: curation.min_quality=0.6. Repeatable.",
    ),
]
StoreOption = Annotated[
    Path, typer.Option("--store", envvar=_STORE, help="Folder of the artifact store.", show_default=True)
]
RehashOption = Annotated[
    bool, typer.Option("--rehash", help="Read every outside file again instead of trusting its mtime.")
]


class _Flow(Enum):
    CURATE = "curate"
    TRAIN = "train"
    EVALUATE = "evaluate"
    PIPELINE = "pipeline"
    CHECK = "check"
    KL_SWEEP = "kl_sweep"


@app.command()
def run(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    rehash: RehashOption = False,
) -> None:
    """Run everything: curate, train, evaluate, report. What is there already is reused."""
    _show_report(_start(_Flow.PIPELINE, recipe, changes, store, rehash), store)


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
    _show_report(_start(_Flow.EVALUATE, recipe, changes, store, rehash), store)


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
    out.print(_start(_Flow.KL_SWEEP, recipe, changes, store, rehash=False, stage=stage, ends=weights), highlight=False)


@app.command()
def check(
    recipe: RecipeArgument,
    changes: SetOption = [],
    store: StoreOption = Path("store"),
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the findings there too.")] = None,
) -> None:
    """Try the judge on texts that must not score, and count the facts that rewritten contexts state."""
    name = read_recipe(recipe, changes).name
    rewritten_by(_open(store), name)  # a mistake shows before Prefect has started
    folder = _open(store).folder(_start(_Flow.CHECK, recipe, changes, store, rehash=False))
    # What reads and prints findings knows the stage, and so Prefect.
    from flows.checking import print_findings, read_findings

    found = read_findings(folder)
    print_findings(out, found)
    if json is not None:
        _write(json, found.model_dump_json(indent=2))
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
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers there too.")] = None,
) -> None:
    """Compare two runs on the same examples: differences with intervals, tests, and what is only noise."""
    opened = _open(store)
    found = compare_named(opened, lambda name: _find(opened, name), run, against)
    print_compared(out, found)
    if json is not None:
        _write(json, found.model_dump_json(indent=2))


def _write(place: Path, text: str) -> None:
    """Raises UserError where that cannot be written."""
    try:
        write_text(place, text)
    except OSError as error:
        raise UserError(f"{place} cannot be written ({error.strerror}): name another file with --json") from error


@app.command()
def recipes() -> None:
    """List the recipes."""
    table = Table("recipe", "what it is", box=None)
    for name in recipe_names():
        table.add_row(name, read_recipe(name).title)
    out.print(table)


@app.command("ls")
def list_artifacts(store: StoreOption = Path("store")) -> None:
    """List the artifacts of the store, oldest first."""
    opened = _open(store)
    called: dict[str, list[str]] = {}
    for name in names.every(opened.root):
        called.setdefault(name.artifact.fingerprint, []).append(str(name))
    table = Table("artifact", "kind", "rows", "rejected", "size", "finished", "names", box=None)
    for manifest in opened.manifests():
        table.add_row(*_line(manifest), ", ".join(called.get(manifest.fingerprint, [])))
    out.print(table)


@app.command()
def show(name: NameArgument, store: StoreOption = Path("store")) -> None:
    """Show an artifact's manifest: parameters, inputs, files, counts, environment."""
    opened = _open(store)
    artifact = _find(opened, name)
    out.print(str(opened.folder(artifact)), highlight=False)
    out.print_json(opened.manifest(artifact).model_dump_json())


@app.command("lineage")
def show_lineage(name: NameArgument, store: StoreOption = Path("store")) -> None:
    """Show what an artifact was made from, and what was made from it."""
    opened = _open(store)
    artifact = _find(opened, name)
    steps = list(lineage.ancestors(opened, artifact))
    trees = {0: Tree(_label(steps[0].manifest))}
    for step in steps[1:]:
        trees[step.depth] = trees[step.depth - 1].add(f"{escape(step.name)}: {_label(step.manifest)}")
    out.print(trees[0])
    for manifest in lineage.descendants(opened, artifact):
        out.print(f"made from it: {_label(manifest)}")


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One artifact; all of them without it.")] = None,
    store: StoreOption = Path("store"),
) -> None:
    """Read every byte again and compare it with what was written."""
    opened = _open(store)
    manifests = [opened.manifest(_find(opened, name))] if name else list(opened.manifests())
    faults = [line for manifest in manifests for line in opened.faults(manifest, reread=True)]
    for line in faults:
        out.print(line, highlight=False)
    out.print(f"{len(manifests)} artifacts verified, {len(faults)} faults")
    if faults:
        out.print("rerun the recipe to have the faulty artifacts made again")
        raise typer.Exit(1)


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    keep_days: Annotated[float, typer.Option(help="Keep what a run touched within so many days.")] = 7.0,
    store: StoreOption = Path("store"),
) -> None:
    """Remove artifacts that no name, no recent run and nothing kept needs."""
    opened = _open(store)
    found = garbage.find_garbage(opened, keep_days)
    if not dry_run:
        garbage.collect(opened, found)
    for artifact in found.artifacts:
        out.print(str(artifact), highlight=False)
    verb = "would go" if dry_run else "removed"
    out.print(
        f"{verb}: {len(found.artifacts)} artifacts ({_size(found.size)}), {len(found.drafts)} abandoned drafts, "
        f"{len(found.links)} dangling media links"
    )


@app.command()
def publish(
    name: NameArgument,
    to: Annotated[Path | None, typer.Option("--to", help="A folder that does not exist yet, or is empty.")] = None,
    push: Annotated[
        str | None, typer.Option("--push", metavar="OWNER/NAME", help="Upload it to the hub as well; needs HF_TOKEN.")
    ] = None,
    private: Annotated[bool, typer.Option("--private/--public", help="Who sees a new hub dataset.")] = True,
    store: StoreOption = Path("store"),
) -> None:
    """Copy a published dataset or a report out of the store, for others to use, or push a dataset to the hub."""
    opened = _open(store)
    artifact = _find(opened, name)
    if artifact.kind not in ("dataset", "report"):
        raise UserError(f"{name} is of kind {artifact.kind}: publish a dataset (RECIPE/dataset) or a report")
    if to is None and push is None:
        raise UserError("say where to publish: --to FOLDER, or --push OWNER/NAME")
    if to is not None:
        _check_empty(to)
    if push is not None:
        out.print(f"{artifact} pushed to {_push(opened, artifact, push, private)}", highlight=False)
    if to is not None:
        _copy_whole(opened.folder(artifact), to.resolve())
        out.print(f"{artifact} published to {to}", highlight=False)


def _check_empty(to: Path) -> None:
    if to.exists() and not to.is_dir():
        raise UserError(f"{to} is no folder: name another with --to")
    if to.exists() and any(to.iterdir()):
        raise UserError(f"{to} is not empty: name another folder with --to")


def _push(store: Store, artifact: Artifact, repository: str, private: bool) -> str:
    """Upload a dataset and return its address. Raises UserError for a report."""
    # The hub's client takes long to import, and only this command needs it.
    from storage.publishing.push import push

    if artifact.kind != "dataset":
        raise UserError(f"{artifact} is a {artifact.kind}: --push takes a dataset (RECIPE/dataset)")
    message = f"contextfirst {artifact}, content {store.manifest(artifact).content}"
    return push(store.folder(artifact), repository, private, message)


def _copy_whole(folder: Path, to: Path) -> None:
    """Copy a folder so that it is whole or absent. Raises UserError where that cannot be written."""
    beside = to.with_name(f".{to.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        shutil.copytree(folder, beside)
        beside.replace(to)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        why = error.strerror or type(error).__name__
        raise UserError(f"{to} cannot be written ({why}): name another folder with --to") from error


def main() -> None:
    """Entry point: run the app, and turn mistakes into one line."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name=app.info.name, standalone_mode=False)
    except UserError as error:
        _fail("error", str(error), 2)
    except typer.TyperException as error:
        _fail("error", " ".join(error.format_message().split()), 2)
    except (ModuleFailed, NoAnswer, BudgetReached, HubUnreachable) as error:
        _fail("failed", str(error), 1)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code)


def _fail(word: str, message: str, code: int) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"{word}: {escape(message)}", highlight=False)
    sys.exit(code)


def _start(flow: _Flow, recipe: str, changes: list[str], store: Path, rehash: bool, **more: object) -> Any:
    """Run a flow in this process, with Prefect's embedded server unless PREFECT_API_URL names one."""
    plan = checked(read_recipe(recipe, changes))  # a mistake shows before Prefect has started
    Store(store)
    os.environ[_STORE] = str(store)
    _quiet_prefect()
    # Prefect takes seconds to import, and reads its settings then.
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.embedded import start_embedded_server

    address = PREFECT_API_URL.value() or start_embedded_server()
    with temporary_settings({PREFECT_API_URL: address}):
        from flows import pipeline

        out.print(f"{plan.name}: {plan.title}", highlight=False)
        run_flow = getattr(pipeline, flow.value)
        return run_flow(pipeline.RecipeName(recipe), pipeline.Overrides(set=changes), rehash, **more)


def _quiet_prefect() -> None:
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def _show_report(report: Artifact, store: Path) -> None:
    from flows.results import print_results

    folder = _open(store).folder(report)
    print_results(out, folder)
    out.print(f"\nreport: {folder / 'report.html'}", highlight=False)


def _open(store: Path) -> Store:
    """The store as it is: looking at one never makes it."""
    if not store.is_dir():
        raise UserError(f"there is no store at {store.absolute()}: run a recipe first, or name another with --store")
    return Store(store)


def _find(store: Store, reference: str) -> Artifact:
    try:
        return names.find(store.root, reference) or store.resolve(reference)
    except ArtifactNotFound:
        known = sorted({name.name for name in names.every(store.root)})
        hint = f"names are {', '.join(known)}" if known else "the store has no names yet: run a recipe first"
        raise ArtifactNotFound(f"no artifact is called {reference!r} in {store.root}: {hint}") from None


def _line(manifest: Manifest) -> tuple[str, ...]:
    rejected = sum(manifest.rows.rejected.values())
    return (
        str(manifest.artifact),
        manifest.kind,
        str(manifest.rows.left or ""),
        str(rejected or ""),
        _size(sum(file.size for file in manifest.files)),
        manifest.finished_at.replace("T", " ")[:16],
    )


def _label(manifest: Manifest) -> str:
    rows = f" ({manifest.rows.left} rows)" if manifest.rows.left else ""
    return escape(f"{manifest.artifact}{rows} {manifest.finished_at[:16]}")


def _size(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


if __name__ == "__main__":
    main()
