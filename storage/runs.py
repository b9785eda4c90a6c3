"""Which run made or reused which artifact: one JSON Lines file a run, for people and for garbage collection."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from schemas.artifact import Artifact
from schemas.values import Value


class RunLine(Value):
    """One artifact of one run. at: seconds since the epoch."""

    run: str
    artifact: Artifact
    how: Literal["made", "reused"]
    at: float


def note(root: Path, run: str, artifact: Artifact, how: Literal["made", "reused"]) -> None:
    """Append one line; a single write of one line is not torn by another process."""
    folder = root / "runs"
    folder.mkdir(exist_ok=True)
    line = RunLine(run=run, artifact=artifact, how=how, at=time.time()).model_dump_json()
    with (folder / f"{run}.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def lines(root: Path) -> Iterator[RunLine]:
    for path in sorted((root / "runs").glob("*.jsonl")):
        for text in path.read_text(encoding="utf-8").splitlines():
            if _is_whole(text):
                yield RunLine.model_validate_json(text)


def _is_whole(text: str) -> bool:
    """A line cut short by a kill says nothing."""
    try:
        return bool(json.loads(text))
    except json.JSONDecodeError:
        return False
