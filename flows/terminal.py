"""What the commands share: where they print, the options that several take, and how they find what is named."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.settings import STORE
from schemas.artifact import Artifact
from schemas.values import UserError, Value
from storage import names
from storage.files import write_text
from storage.origin import exists
from storage.store import ArtifactNotFound, Store

out = Console(width=None if sys.stdout.isatty() else 160)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="An artifact: demo/curated, demo/curated@2, or curate/4f0c1a.")
]
StoreOption = Annotated[
    Path,
    typer.Option(
        "--store", envvar=STORE, help="The artifact store: a folder, or s3://BUCKET/PREFIX.", show_default=True
    ),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write what was found there too, in full.")
]
RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe's name: `contextfirst recipes` lists them.")
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one field of the recipe: curation.min_quality=0.6. Repeatable.",
    ),
]
RehashOption = Annotated[
    bool, typer.Option("--rehash", help="Read every outside file again instead of trusting its mtime.")
]


_WIDEST = 1000


def print_whole(to: Console, table: Table) -> None:
    """Print a table as wide as it is: a narrow terminal breaks its lines, and no number is cut off."""
    table.width = to.measure(table, options=to.options.update(max_width=_WIDEST)).maximum
    to.print(table, highlight=False, soft_wrap=True)


def open_store(store: Path) -> Store:
    """The store as it is: looking at one never makes it."""
    if not exists(store):
        raise UserError(f"there is no store at {store.absolute()}: run a recipe first, or name another with --store")
    return Store(store)


def find(store: Store, reference: str) -> Artifact:
    """The artifact of a name, or of a stage and the start of a fingerprint. Raises ArtifactNotFound."""
    try:
        return names.find(store, reference) or store.resolve(reference)
    except ArtifactNotFound:
        known = sorted({name.name for name in names.every(store)})
        hint = f"names are {', '.join(known)}" if known else "the store has no names yet: run a recipe first"
        raise ArtifactNotFound(f"no artifact is called {reference!r} in {store.name}: {hint}") from None


def write_json(place: Path | None, value: Value) -> None:
    """Write what --json asked for, if it did. Raises UserError where that cannot be written."""
    if place is None:
        return
    try:
        write_text(place, value.model_dump_json(indent=2))
    except OSError as error:
        raise UserError(f"{place} cannot be written ({error.strerror}): name another file with --json") from error


def say(text: str) -> None:
    """One line as it is, however long: a path that is folded is no path any more."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)
