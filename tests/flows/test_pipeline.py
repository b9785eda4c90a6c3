"""The whole pipeline on a handful of examples, run as a user runs it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tests.flows.small import ROOT, command, contents, environment, made_by_last_run, manifests, run

MOMENTS = (
    "make_corpus/*/manifest.json",
    "rewrite/*/manifest.json",
    ".drafts/sft/*/.work/checkpoint-*",
    ".drafts/grpo/*/.work/checkpoint-*",
    ".drafts/predict/*/predictions-*.parquet",
)
"""What a run has just done when it is killed."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, str]]:
    """A store in which the small demo ran once, the Prefect home it used, and what it printed."""
    home = tmp_path_factory.mktemp("prefect")
    store = tmp_path_factory.mktemp("finished") / "store"
    yield store, home, run("run", store, home)


@pytest.fixture
def store(finished: tuple[Path, Path, str], tmp_path: Path) -> Path:
    """A copy of the finished store, to be changed."""
    copy = tmp_path / "store"
    shutil.copytree(finished[0], copy, symlinks=True)
    return copy


def test_raw_clips_become_a_report(finished: tuple[Path, Path, str]) -> None:
    store, _, printed = finished
    (report,) = manifests(store, "report")
    page = Store(store).folder(report.artifact) / "report.html"
    assert str(page) in printed.replace("\n", "")
    assert "GRPO" in page.read_text()


def test_stage_is_compared_by_the_name_that_the_run_gave_it(finished: tuple[Path, Path, str]) -> None:
    words = [sys.executable, "-m", "flows.cli", "compare", "demo/sft:blind", "demo/sft", "--store", str(finished[0])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo/sft:blind \N{MINUS SIGN} demo/sft" in done.stdout and "worldsense" in done.stdout


def test_model_is_tried_on_a_slice_of_the_benchmark_while_it_learns(finished: tuple[Path, Path, str]) -> None:
    (trained,) = manifests(finished[0], "grpo")
    assert "held_out.worldsense" in trained.inputs
    logged = pq.read_table(Store(finished[0]).folder(trained.artifact) / "metrics.parquet").to_pylist()
    assert {row["step"] for row in logged if row["name"] == "eval/accuracy"} == {0, 1, 2}


def test_stage_below_its_minimum_fails_the_run_after_its_report_and_keeps_everything(
    store: Path, finished: tuple[Path, Path, str]
) -> None:
    before = contents(store)
    minimum = "evaluation.minimums=[{stage: sft, benchmark: worldsense, at_least: 100}]"
    words = command("evaluate", store, minimum)
    done = subprocess.run(words, cwd=ROOT, env=environment(finished[1]), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("failed: 1 of 1 evaluation.minimums not met (sft on worldsense: ")
    assert "sft on worldsense" in done.stdout and "report.html" in done.stdout
    assert contents(store) == before


def test_every_row_is_accounted_for_in_every_stage(finished: tuple[Path, Path, str]) -> None:
    for stage in ("ingest", "rewrite", "rate", "curate"):
        for manifest in manifests(finished[0], stage):
            assert manifest.rows.entered == manifest.rows.left + sum(manifest.rows.rejected.values())
            assert manifest.rows.entered > 0


def test_rerun_reuses_every_stage_even_with_a_new_prefect_database(store: Path, tmp_path: Path) -> None:
    before = contents(store)
    run("run", store, tmp_path / "new-home")
    assert made_by_last_run(store) == []
    assert contents(store) == before


def test_changed_threshold_reruns_curate_and_what_follows_and_nothing_before(
    store: Path, finished: tuple[Path, Path, str]
) -> None:
    run("curate", store, finished[1], "curation.min_quality=0.4")
    assert made_by_last_run(store) == ["curate", "publish"]


def test_added_source_is_read_rewritten_and_rated_alone(store: Path, finished: tuple[Path, Path, str]) -> None:
    names = ("video_r1", "omni_instruct", "social_iq2")
    sources = ", ".join(f"{{name: {name}, dataset: {name}, folder: 'corpus:train/{name}'}}" for name in names)
    run("curate", store, finished[1], f"sources=[{sources}]")
    assert made_by_last_run(store) == ["curate", "ingest", "publish", "rate", "rewrite", "source"]


def test_removed_row_is_in_no_artifact_that_is_built_afterwards(
    store: Path, finished: tuple[Path, Path, str], tmp_path: Path
) -> None:
    (_, curated) = manifests(store, "curate")
    row = next(read_examples(Store(store).folder(curated.artifact)))
    before = contents(store)
    (tmp_path / "removals.txt").write_text(f"# asked for by its maker\n{row.id}\n")
    run("curate", store, finished[1], f"removals={tmp_path / 'removals.txt'}")
    assert made_by_last_run(store) == ["curate", "ingest", "publish", "rate", "rewrite"]
    built = [item for item in Store(store).manifests() if str(Path(item.stage, item.fingerprint)) not in before]
    assert {item.stage for item in built} == {"curate", "ingest", "publish", "rate", "rewrite"}
    tables = [path for item in built for path in Store(store).folder(item.artifact).rglob("*.parquet")]
    holding = {path.name for path in tables if row.id in str(pq.read_table(path).to_pylist())}
    assert len(tables) > 10 and holding == {"rejects-00000.parquet"}
    (reject,) = [one for item in built for one in read_rejects(Store(store).folder(item.artifact)) if one.id == row.id]
    assert (reject.reason, reject.row) == ("removed", "")


@pytest.mark.parametrize("harm", ["delete", "flip"])
def test_harmed_file_rebuilds_its_artifact_alone(harm: str, store: Path, finished: tuple[Path, Path, str]) -> None:
    before = contents(store)
    victim = Store(store).folder(manifests(store, "rewrite")[0].artifact) / "examples-00000.parquet"
    if harm == "delete":
        victim.unlink()
    else:
        content = bytearray(victim.read_bytes())
        content[len(content) // 2] ^= 1
        victim.write_bytes(bytes(content))
    run("curate", store, finished[1])
    assert made_by_last_run(store) == ["rewrite"]
    assert contents(store) == before


@pytest.mark.slow
def test_runs_killed_at_five_moments_end_with_the_same_bytes(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    expected = contents(finished[0])
    store = tmp_path / "store"
    for sign in MOMENTS:
        _kill_at(store, finished[1], sign)
    run("run", store, finished[1])
    assert contents(store) == expected


@pytest.mark.slow
def test_killed_run_leaves_no_process_behind(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    store = tmp_path / "store"
    _kill_at(store, finished[1], ".drafts/sft/*/.work/checkpoint-*")
    until = time.monotonic() + 60
    while (left := _processes_of(store)) and time.monotonic() < until:
        time.sleep(0.5)
    assert left == []


def _kill_at(store: Path, home: Path, sign: str) -> None:
    """Start a run and kill its main process, without warning, as soon as a file that matches `sign` is there."""
    process = subprocess.Popen(
        command("run", store), env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list(store.glob(sign)):
        time.sleep(0.02)
    assert process.poll() is None, f"the run ended before {sign} was seen"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def _processes_of(store: Path) -> list[str]:
    """Command lines of living processes that work for the store."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if str(store) in line:
            lines.append(line)
    return lines
