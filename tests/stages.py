"""Cheap stages, examples to fill them with, and how to call a stage without Prefect."""

from pathlib import Path
from typing import Any, cast

from schemas.artifact import Artifact
from schemas.example import Example, Option
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import shard_name, write_examples
from storage.store import Store
from tasks.stage import stage


class Note(Params):
    text: str


class Rows(Params):
    rows: tuple[Example, ...]


class Where(Runtime):
    """A file outside the store, which is not identity."""

    file: str = ""


@stage(version="1", kind="folder")
def note(draft: Draft, params: Note, runtime: Runtime) -> None:
    (draft.folder / "note.txt").write_text(params.text)


@stage(version="1", kind="folder")
def fetched(draft: Draft, params: Note, runtime: Where) -> None:
    """What a file says now, whatever it said before: a stage that breaks the rules."""
    (draft.folder / "fetched.txt").write_text(Path(runtime.file).read_text())


@stage(version="1", kind="folder")
def upper(draft: Draft, params: Note, source: Artifact, runtime: Runtime) -> None:
    texts = [path.read_text() for path in sorted(Store(runtime.store).folder(source).glob("*.txt"))]
    (draft.folder / "upper.txt").write_text(params.text + "".join(texts).upper())


@stage(version="1", kind="examples")
def given_rows(draft: Draft, params: Rows, runtime: Runtime) -> None:
    write_examples(draft.folder / shard_name("examples", 0), params.rows)
    draft.entered = draft.left = len(params.rows)


def made(state: object) -> Artifact:
    """The artifact of a stage's final state."""
    found = cast(Any, state).data
    assert isinstance(found, Artifact)
    return found


def how(state: object) -> str:
    """`Reused` or `Completed`."""
    return cast(Any, state).name


def rows_of(runtime: Runtime, *rows: Example) -> Artifact:
    """The rows as an artifact of the store."""
    return made(given_rows(Rows(rows=rows), runtime))


def example(id: str, **changes: object) -> Example:
    """A choice between red and blue, each row of a video of its own, unless told otherwise."""
    fields: dict[str, object] = {
        "id": f"made/{id}",
        "source": "made",
        "source_revision": "1",
        "source_row": id,
        "source_id": id,
        "licence": "CC0-1.0",
        "group": f"video-{id}",
        "question": f"Which colour has square {id}?",
        "options": (Option(label="A", text="red"), Option(label="B", text="blue")),
        "answer_kind": "choice",
        "answer": "A",
    }
    return Example.model_validate(fields | changes)


def files_below(folder: Path) -> dict[str, bytes]:
    """Content by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def one_line(error: BaseException) -> str:
    """The message of a mistake, which must be one line."""
    message = str(error)
    assert message and "\n" not in message
    return message
