"""`contextfirst publish`: a dataset or a report, copied out of the store or pushed to the hub."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import NameArgument, StoreOption, find, open_store, out
from schemas.artifact import Artifact
from schemas.values import UserError
from storage.store import Store


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
    opened = open_store(store)
    artifact = find(opened, name)
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
