"""What the commands share: where they print, the options that several take, and how they find what is named."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from schemas.artifact import Artifact
from schemas.values import UserError, Value
from storage import names
from storage.files import write_text
from storage.store import ArtifactNotFound, Store

STORE = "CONTEXTFIRST_STORE"

out = Console(width=None if sys.stdout.isatty() else 160)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="An artifact: demo/curated, demo/curated@2, or curate/4f0c1a.")
]
StoreOption = Annotated[
    Path, typer.Option("--store", envvar=STORE, help="Folder of the artifact store.", show_default=True)
]
JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers there too.")]


def open_store(store: Path) -> Store:
    """The store as it is: looking at one never makes it."""
    if not store.is_dir():
        raise UserError(f"there is no store at {store.absolute()}: run a recipe first, or name another with --store")
    return Store(store)


def find(store: Store, reference: str) -> Artifact:
    """The artifact of a name, or of a stage and the start of a fingerprint. Raises ArtifactNotFound."""
    try:
        return names.find(store.root, reference) or store.resolve(reference)
    except ArtifactNotFound:
        known = sorted({name.name for name in names.every(store.root)})
        hint = f"names are {', '.join(known)}" if known else "the store has no names yet: run a recipe first"
        raise ArtifactNotFound(f"no artifact is called {reference!r} in {store.root}: {hint}") from None


def write_json(place: Path | None, value: Value) -> None:
    """Write what --json asked for, if it did. Raises UserError where that cannot be written."""
    if place is None:
        return
    try:
        write_text(place, value.model_dump_json(indent=2))
    except OSError as error:
        raise UserError(f"{place} cannot be written ({error.strerror}): name another file with --json") from error
