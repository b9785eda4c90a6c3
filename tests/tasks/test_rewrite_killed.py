"""Rewriting that is killed at random moments pays for nothing twice and ends with the same bytes."""

import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm.log import BATCH
from schemas.completion import render
from storage.parquet import read_examples
from tests.llm.vendors.faults import Behaviour
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors, serving
from tests.stages import files_below
from tests.tasks.rewriting_worker import rewrite_rows

ROOT = Path(__file__).resolve().parents[2]
ROWS = 400


def say(question: Question) -> str:
    """A good rewrite of the made row that is asked about, but every seventh changes the answer."""
    found = re.search(r"square (\d+)", question.text)
    assert found
    context = f"On a dark floor lies square {found[1]}, and its colour is red."
    return render(context, f"Square {found[1]} is red.", "B" if int(found[1]) % 7 == 0 else "A")


def start(store: Path, provider: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.tasks.rewriting_worker", str(store), str(ROWS), provider]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def point(patch: pytest.MonkeyPatch, vendors: Vendors) -> None:
    patch.setenv("OPENAI_API_KEY", "key")
    patch.setenv("GEMINI_API_KEY", "key")
    patch.setenv("OPENAI_BASE_URL", vendors.openai)
    patch.setenv("GEMINI_BASE_URL", vendors.gemini)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with serving(Behaviour(latency=0.01), say) as vendors, pytest.MonkeyPatch.context() as patch:
        point(patch, vendors)
        folder = Path(rewrite_rows(str(tmp_path_factory.mktemp("store")), ROWS, "openai"))
    assert sum(1 for _ in read_examples(folder)) == ROWS - 58  # every seventh is refused twice
    return tables(folder)


def tables(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_below(folder).items() if name.endswith(".parquet")}


def settled(vendors: Vendors) -> int:
    """Requests that reached the server: those that a dead process had sent are still read by a busy one."""
    before = -1
    while (now := vendors.counters.asked.total()) != before:
        before = now
        time.sleep(0.5)
    return now


def logged(store: Path) -> int:
    with sqlite3.connect(store / "llm" / "responses.sqlite") as connection:
        return connection.execute("SELECT count(*) FROM responses").fetchone()[0]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))])
def test_killed_run_pays_for_nothing_twice_and_ends_with_the_same_bytes(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, bytes]
) -> None:
    moment = random.Random(seed).randrange(1, ROWS)
    with serving(Behaviour(latency=0.05, seed=seed), say) as vendors:
        point(monkeypatch, vendors)
        worker = start(tmp_path, "openai")
        while vendors.counters.answered.total() < moment and worker.poll() is None:
            time.sleep(0.002)
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        before = settled(vendors)
        kept = logged(tmp_path)
        answered = vendors.counters.answered.total()
        again = start(tmp_path, "openai")
        said, wrong = again.communicate()
        assert again.returncode == 0, wrong
        counters = vendors.counters
    everything = ROWS + 58  # rows, and one repair for every seventh
    assert counters.asked.total() - before == everything - kept, "what the log holds is not asked for again"
    assert answered - kept <= BATCH + 32, "one batch, and what was on its way when the process died"
    assert tables(Path(said.strip())) == undisturbed
