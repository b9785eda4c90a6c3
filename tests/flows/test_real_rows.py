"""Curation of real rows over real clips, some of them broken and some missing. Skipped where they are absent."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import datasets
import duckdb
import polars
import pyarrow.parquet as pq
import pytest

from storage.parquet import read_rejects
from storage.store import Store
from tests.flows.small import ROOT, environment, manifests

SHARED = Path(os.environ.get("CONTEXTFIRST_SHARED", ROOT.parent / "shared"))
ROWS = SHARED / "samples" / "intenttrain_emer_rewrite.json"
CLIPS = SHARED / "media"
pytestmark = pytest.mark.skipif(not (ROWS.exists() and CLIPS.exists()), reason="the real rows and clips are not here")

MISSING, BROKEN = 3, 7
NO_PROSE = (26, 72)
"""Rows whose published context is a dict written as text."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store after `contextfirst curate`, and the published folder. Of every ten clips one is absent, one broken."""
    base = tmp_path_factory.mktemp("real")
    _lay_out(base / "emer")
    store, home = base / "store", base / "prefect"
    changes = [
        "corpus=null",
        f"sources=[{{name: emer, dataset: intent_train, folder: {base / 'emer'}}}]",
        "evaluation.benchmarks=[]",
        "curation.min_quality=0",
        "curation.max_reject_share=0.5",
    ]
    sets = [part for change in changes for part in ("--set", change)]
    curate = [sys.executable, "-m", "flows.cli", "curate", "demo", "--store", str(store), *sets]
    subprocess.run(curate, cwd=ROOT, env=environment(home), check=True, capture_output=True)
    publish = [sys.executable, "-m", "flows.cli", "publish", "demo/dataset", "--to", str(base / "out")]
    subprocess.run([*publish, "--store", str(store)], cwd=ROOT, env=environment(home), check=True, capture_output=True)
    return store, base / "out"


def test_rows_in_are_rows_published_and_rejects_each_with_its_true_reason(published: tuple[Path, Path]) -> None:
    store, folder = published
    rows = json.loads(ROWS.read_text())
    rejects = [
        reject
        for stage in ("ingest", "rewrite", "rate", "curate")
        for manifest in manifests(store, stage)
        for reject in read_rejects(Store(store).folder(manifest.artifact))
    ]
    media = {"missing_media": MISSING, "truncated_media": BROKEN}
    assert Counter(reject.reason for reject in rejects) == {**dict.fromkeys(media, 10), "markup": len(NO_PROSE)}
    assert len(rows) == _count(folder) + len(rejects)
    for reject in rejects:
        row = int(reject.source_row.rpartition(":")[2])
        assert row % 10 == media[reject.reason] if reject.reason in media else row in NO_PROSE


def test_published_folder_opens_with_every_usual_reader(published: tuple[Path, Path], tmp_path: Path) -> None:
    _, folder = published
    count = _count(folder)
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    assert sum(split.num_rows for split in loaded.values()) == count
    pattern = str(folder / "data" / "*.parquet")
    assert duckdb.sql(f"select count(*) from '{pattern}'").fetchall() == [(count,)]
    assert polars.scan_parquet(pattern).collect().height == count


def test_rows_keep_the_publishers_reasoning(published: tuple[Path, Path]) -> None:
    source = {row["problem"] + row["path"]: row for row in json.loads(ROWS.read_text())}
    for row in pq.read_table(published[1] / "data").to_pylist():
        solution = source[row["question"] + row["media"][0]["path"]]["solution"]
        assert row["context"] in solution
        assert row["answer"] == source[row["question"] + row["media"][0]["path"]]["answer"]


def _lay_out(folder: Path) -> None:
    """The rows with a copy of some real clip at each path."""
    clips = sorted(path for path in CLIPS.iterdir() if path.name != "corrupted.mp4")
    folder.mkdir()
    shutil.copy(ROWS, folder / "emer_rewrite.json")
    for index, row in enumerate(json.loads(ROWS.read_text())):
        target = folder / row["path"]
        target.parent.mkdir(exist_ok=True)
        if index % 10 != MISSING:
            shutil.copy(CLIPS / "corrupted.mp4" if index % 10 == BROKEN else clips[index % len(clips)], target)


def _count(folder: Path) -> int:
    return pq.read_table(folder / "data").num_rows
