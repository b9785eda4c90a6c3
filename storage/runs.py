"""Which run made or reused which artifact: one JSON Lines file a run, for people and for garbage collection."""

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Literal

from pydantic import ValidationError

from schemas.artifact import Artifact
from schemas.values import UserError, Value
from storage.disk_faults import told_plainly
from storage.store import Store

_FOLDER = "runs"
_DAY = 86_400.0


class RunLine(Value):
    """One artifact of one run. at: seconds since the epoch."""

    run: str
    artifact: Artifact
    how: Literal["made", "reused"]
    at: float


def note(store: Store, run: str, artifact: Artifact, how: Literal["made", "reused"]) -> None:
    """Append one line, after the end of one that a kill cut short. Raises UserError where the disk is full."""
    key = f"{_FOLDER}/{run}{store.origin.mark}.jsonl"
    line = RunLine(run=run, artifact=artifact, how=how, at=time.time()).model_dump_json()
    with told_plainly(store.root):
        _append(store, key, line)


def _append(store: Store, key: str, line: str) -> None:
    path = store.root / key
    path.parent.mkdir(exist_ok=True)
    with path.open("ab+", buffering=0) as stream:
        # Held while it is shared too: what is shared last must be what was written last. Other runs do not wait.
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(_end(stream) + line.encode() + b"\n")
        store.origin.share(key)


def lines(store: Store) -> Iterator[RunLine]:
    """All lines of all runs, run by run. Raises UserError for a line that is none, unless a kill cut it short."""
    return _lines(_paths(store))


def lines_since(store: Store, since: float, runs: Collection[str]) -> Iterator[RunLine]:
    """Lines that are not older than a moment, and all those of some runs. Files that cannot hold any are not read:
    those that were not written to since a day before, as the disk's clock may not be ours."""
    paths = [path for path in _paths(store) if path.stat().st_mtime >= since - _DAY or _run_of(path) in runs]
    yield from (line for line in _lines(paths) if line.at >= since or line.run in runs)


def _paths(store: Store) -> list[Path]:
    store.origin.pull(_FOLDER)
    return sorted((store.root / _FOLDER).glob("*.jsonl"))


def _lines(paths: list[Path]) -> Iterator[RunLine]:
    for path in paths:
        for number, text in enumerate(path.read_bytes().split(b"\n"), start=1):
            if text:
                yield from _read(path, number, text)


def _read(path: Path, number: int, text: bytes) -> Iterator[RunLine]:
    try:
        line = RunLine.model_validate_json(text)
    except ValidationError as error:
        if _is_cut(text):
            return
        why = str(error).partition("\n")[0]
        raise UserError(f"{path}:{number} is no line of a run ({why}): remove that line") from error
    if line.run != _run_of(path):
        raise UserError(f"{path}:{number} is a line of run {line.run}: remove that line")
    yield line


def _run_of(path: Path) -> str:
    return path.stem.partition("@")[0]


def _is_cut(text: bytes) -> bool:
    """Whether it is the start of a line: then it says nothing."""
    try:
        written = text.decode()
        json.loads(written)
    except json.JSONDecodeError as error:
        return error.pos >= len(error.doc.rstrip(".")) or error.msg.startswith("Unterminated string")
    except (UnicodeDecodeError, RecursionError, ValueError):
        return False
    return False


def _end(stream: IO[bytes]) -> bytes:
    """A line's end, if the last one lacks it."""
    if stream.seek(0, os.SEEK_END) == 0:
        return b""
    stream.seek(-1, os.SEEK_END)
    return b"" if stream.read(1) == b"\n" else b"\n"
