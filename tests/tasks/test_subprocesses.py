"""Heavy work in a process of its own: its output is kept, its failure is told, and it never outlives its stage."""

import contextlib
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from schemas.failures import FAULTS, BudgetReached, ModuleFailed
from schemas.runtime import Runtime
from schemas.values import UserError, Value
from storage.draft import Draft
from tasks import subprocesses
from tasks.subprocesses import run_module, run_side_by_side

ROOT = Path(__file__).resolve().parents[2]
WORKER = "tests.tasks.worker"


class Work(Value):
    say: str
    out: str
    parent: str | None = None


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"), threads=1)


@pytest.fixture
def told() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture
def draft(tmp_path: Path, told: list[tuple[int, int, str]]) -> Draft:
    return Draft(tmp_path / "store" / ".drafts" / "sft" / "0123", "", lambda *step: told.append(step))


def test_module_does_its_job_and_its_steps_are_told(
    runtime: Runtime, draft: Draft, told: list[tuple[int, int, str]]
) -> None:
    out = draft.folder / "out.txt"
    run_module(WORKER, Work(say="done", out=str(out)), draft, runtime)
    assert out.read_text() == "done with 1 threads"
    assert told == [(1, 3, "steps"), (2, 3, "steps"), (3, 3, "steps")]


def test_whole_output_is_in_the_log_of_the_stage(runtime: Runtime, draft: Draft) -> None:
    run_module(WORKER, Work(say="done", out=str(draft.folder / "out.txt")), draft, runtime)
    run_module(WORKER, Work(say="done", out=str(draft.folder / "out.txt")), draft, runtime)
    log = Path(runtime.store) / "logs" / "sft" / "0123.log"
    assert log.read_text().count("step 3/3 loss 0.5") == 2


def test_failure_is_told_with_the_end_of_the_output(runtime: Runtime, draft: Draft) -> None:
    with pytest.raises(ModuleFailed, match=r"ended with code 3(?s:.*)last line of the traceback") as caught:
        run_module(WORKER, Work(say="fail", out=""), draft, runtime)
    assert str(Path(runtime.store) / "logs") in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "ranks"), [*((kind, 1) for kind in FAULTS.values()), (UserError, 2), (BudgetReached, 2)]
)
def test_what_stops_training_stops_the_stage_as_what_it_is_also_under_torchrun(
    runtime: Runtime, draft: Draft, kind: type[Exception], ranks: int
) -> None:
    with pytest.raises(kind, match=r"^micro_batch 3 does not divide the 4 examples of a process$"):
        run_module(WORKER, Work(say=kind.__name__, out=""), draft, runtime, ranks)


def test_mistake_of_an_earlier_run_is_not_told_again(runtime: Runtime, draft: Draft) -> None:
    with pytest.raises(UserError):
        run_module(WORKER, Work(say="UserError", out=""), draft, runtime)
    with pytest.raises(ModuleFailed, match="ended with code 3"):
        run_module(WORKER, Work(say="fail", out=""), draft, runtime)


@pytest.fixture
def stayed(tmp_path: Path) -> Iterator[Path]:
    """The file in which a worker names the process that it leaves behind."""
    yield tmp_path / "stayed"
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((tmp_path / "stayed").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("how", ["leaves", "clings"])
def test_launcher_that_has_to_be_killed_holds_nobody_up_by_the_ranks_that_it_leaves(
    runtime: Runtime, draft: Draft, stayed: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("tasks.subprocesses._PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("tasks.subprocesses._OUTPUT_SECONDS", 15.0 if how == "leaves" else 0.5)
    began = time.monotonic()
    with pytest.raises(ModuleFailed, match=r"ended with code 3(?s:.*)last line of the traceback"):
        run_side_by_side(WORKER, [Work(say=how, out=str(stayed)), Work(say="fail", out=str(stayed))], draft, runtime)
    assert time.monotonic() - began < 30
    if how == "leaves":
        assert _is_gone(int(stayed.read_text()))


def _is_gone(pid: int) -> bool:
    """Also where nobody has reaped it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_torchrun_has_the_time_that_it_gives_its_own_ranks() -> None:
    from torch.distributed.elastic.multiprocessing.api import PContext  # seconds that other tests need not wait

    given = inspect.signature(PContext.close).parameters["timeout"].default
    assert given < subprocesses._PATIENCE_SECONDS


def test_module_that_does_not_exist_is_told(runtime: Runtime, draft: Draft) -> None:
    with pytest.raises(ModuleFailed, match="No module named"):
        run_module("tests.tasks.nothing", Work(say="", out=""), draft, runtime)


def test_jobs_wait_for_a_free_slot(runtime: Runtime, tmp_path: Path) -> None:
    one_slot = runtime.model_copy(update={"training_slots": 1})
    drafts = [Draft(tmp_path / "store" / ".drafts" / "sft" / str(number), "", lambda *_: None) for number in range(3)]

    def work(draft: Draft) -> None:
        run_module(WORKER, Work(say="done", out=str(draft.folder / "out.txt")), draft, one_slot)

    threads = [threading.Thread(target=work, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((draft.folder / "out.txt").exists() for draft in drafts)


LINGERING = """
import sys
from pathlib import Path
from schemas.runtime import Runtime
from storage.draft import Draft
from tasks.subprocesses import run_module
from tests.tasks.test_subprocesses import WORKER, Work
draft = Draft(Path(sys.argv[1]) / ".drafts" / "sft" / "0", "", lambda *_: print("step", flush=True))
run_module(WORKER, Work(say="linger", out=sys.argv[2]), draft, Runtime(store=sys.argv[1]))
"""


def test_module_learns_that_its_killed_stage_is_gone(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    os.mkfifo(out)  # opening it to read waits for the worker
    command = [sys.executable, "-c", LINGERING, str(tmp_path / "store"), str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as starter:
        worker = int(out.read_text())
        os.kill(worker, 0)  # it lives
        starter.send_signal(signal.SIGKILL)
        assert out.read_text() == "left"
