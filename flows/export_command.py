"""`contextfirst export`: examples as LLaMA-Factory, ms-swift or verl read them, in the words of our own training.

It needs neither Prefect nor torch.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer
from rich.table import Table

from flows.terminal import NameArgument, StoreOption, find, open_store, out, say
from schemas.artifact import Artifact
from schemas.completion import FormatName
from schemas.example import EXAMPLES, Example, from_row
from schemas.values import UserError
from storage.exports import FORMS
from storage.exports.conversation import Asked
from storage.exports.writing import LEFT_OUT, Exported, export
from storage.parquet import read_examples
from storage.store import Store
from training.prompts import PROMPT_VERSION, SYSTEM, parts, question_text, target


class _Form(Enum):
    LLAMA_FACTORY = "llama-factory"
    MS_SWIFT = "ms-swift"
    VERL = "verl"


class _Format(Enum):
    CONTEXT_FIRST = "context_first"
    TIMED = "timed"
    DIRECT = "direct"


class _Media(Enum):
    LINK = "link"
    COPY = "copy"


def export_examples(
    name: NameArgument,
    to: Annotated[_Form, typer.Option("--to", help="The project that is to read them.")],
    folder: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="One that does not exist yet, or is empty.")],
    format: Annotated[
        _Format, typer.Option("--format", help="What the model is asked to write, as a stage's `format` in a recipe.")
    ] = _Format.CONTEXT_FIRST,
    media: Annotated[
        _Media, typer.Option("--media", help="Link the files of media, or copy them for another machine.")
    ] = _Media.LINK,
    splits: Annotated[
        list[str], typer.Option("--split", metavar="SPLIT", help="Only these: train, validation. Repeatable.")
    ] = [],
    store: StoreOption = Path("store"),
) -> None:
    """Write curated examples for another trainer: LLaMA-Factory, ms-swift or verl."""
    opened = open_store(store)
    artifact = find(opened, name)
    rows = _chosen(_read(opened, artifact, name), splits)
    facts = {
        "name": re.sub(r"[^a-z0-9]+", "_", name.partition("@")[0]),
        "artifact": f"{artifact.stage}/{artifact.fingerprint}",
        "content": opened.manifest(artifact).content,
        "format": format.value,
        "prompts": PROMPT_VERSION,
    }
    opened.bring_media([artifact])
    ask = partial(_ask, format=format.value)
    written = export(rows, ask, FORMS[to.value], folder.resolve(), opened.blobs, media.value, facts)
    _show(folder, written)


def _read(store: Store, artifact: Artifact, name: str) -> Iterator[Example]:
    """The rows of a published dataset or of an examples artifact. Raises UserError for anything else."""
    if artifact.kind == "examples":
        return read_examples(store.folder(artifact))
    if artifact.kind == "dataset":
        return _read_published(store.folder(artifact))
    raise UserError(
        f"{name} is of kind {artifact.kind}: export a dataset (RECIPE/dataset) or examples (RECIPE/curated)"
    )


def _read_published(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "data").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(columns=EXAMPLES.names):
            yield from map(from_row, batch.to_pylist())


def _chosen(examples: Iterable[Example], splits: list[str]) -> Iterator[Example]:
    return (example for example in examples if not splits or (example.split or "train") in splits)


def _ask(example: Example, format: FormatName) -> Asked:
    """An example in the words of our own training, with a clip's sound after it as `audio: separate` has it."""
    try:
        reply, unwritten = target(example, format), ""
    except ValueError as error:
        reply, unwritten = None, str(error)
    return Asked(SYSTEM[format], question_text(example), parts(example, "separate"), reply, unwritten)


def _show(folder: Path, written: Exported) -> None:
    table = Table("file", "split", "media", "rows", box=None)
    for each in written.tables:
        table.add_row(each.file, each.split, each.kinds, str(each.rows))
    out.print(table)
    if written.left_out:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(written.left_out.items()))
        say(f"left out: {reasons}; {folder / LEFT_OUT} says which")
    say(f"exported to {folder}; its README.md says how to train on it")
