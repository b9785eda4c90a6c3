"""What the reader tests share: a folder on disk as ingestion sees it, and the place of real rows."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.example import Example, Reject
from storage.digests import DigestIndex
from storage.folder import Folder, list_folder
from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS
from tasks.reader import Reader

READERS: dict[str, Reader] = DATASETS | BENCHMARKS


def open_folder(root: Path, work: Path) -> Folder:
    """The folder `root`, with its store under `work`."""
    return Folder(work / "blobs", list_folder(root, work / "blobs", DigestIndex(work / "index.sqlite"), 1))


def folder_of(tmp_path: Path, files: Mapping[str, object]) -> Folder:
    """A folder with these files: bytes and texts as they are, anything else as JSON."""
    root = tmp_path / "dataset"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    return open_folder(root, tmp_path / "store")


def lines_of(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(name: str, folder: Folder) -> list[Example | Reject]:
    return list(READERS[name].read(folder))


def examples(rows: list[Example | Reject]) -> list[Example]:
    """The rows, all of which must be examples."""
    assert [row for row in rows if isinstance(row, Reject)] == []
    return [row for row in rows if isinstance(row, Example)]


def reject(rows: list[Example | Reject]) -> Reject:
    """The one row, which must be a reject."""
    (row,) = rows
    assert isinstance(row, Reject)
    return row


def sample(name: str) -> bytes:
    """Real rows, where this checkout has them beside it; else the test is skipped."""
    beside = Path(__file__).parents[3] / "shared"
    path = Path(os.environ.get("CONTEXTFIRST_SHARED", beside)) / "samples" / name
    if not path.is_file():
        pytest.skip(f"no real rows here: set CONTEXTFIRST_SHARED to the folder with samples/{name}")
    return path.read_bytes()
