"""`contextfirst publish`: a dataset or a report, copied out of the store or pushed to the hub."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import NameArgument, StoreOption, find, open_store, say
from schemas.artifact import Artifact
from schemas.values import UserError
from storage.outside import check_free, copy_into, whole_folder
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
        check_free(to.resolve(), "--to")
    if push is not None:
        say(f"{artifact} pushed to {_push(opened, artifact, push, private)}")
    if to is not None:
        _copy(opened.folder(artifact), to)
        say(f"{artifact} published to {to}")


def _copy(source: Path, to: Path) -> None:
    with whole_folder(to.resolve(), "--to") as folder:
        copy_into(folder, source)


def _push(store: Store, artifact: Artifact, repository: str, private: bool) -> str:
    """Upload a dataset and return its address. Raises UserError for a report."""
    # The hub's client takes long to import, and only this command needs it.
    from storage.publishing.push import push

    if artifact.kind != "dataset":
        raise UserError(f"{artifact} is a {artifact.kind}: --push takes a dataset (RECIPE/dataset)")
    message = f"contextfirst {artifact}, content {store.manifest(artifact).content}"
    return push(store.folder(artifact), repository, private, message)
