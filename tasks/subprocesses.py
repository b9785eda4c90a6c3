"""Heavy work in a process of its own: torch never enters the flow's process, and leaves its memory when done.

The module is started as `python -m MODULE JOB.json`, through torchrun when it spans several ranks. Its whole output
goes to a log file; lines of the form `step N/M ...` move the progress bar, and a sample of the lines goes to Prefect.
It stays in our session, so a cancel reaches it, and it watches a named pipe, so that it leaves when we are killed.
"""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import BinaryIO

from prefect import get_run_logger
from prefect.exceptions import MissingContextError

from schemas.failures import ModuleFailed
from schemas.runtime import Runtime
from schemas.values import UserError, Value
from storage.draft import Draft
from storage.store import Store
from tasks.nodes import torchrun
from training.mistakes import forget_mistake, mistake_of

_ROOT = Path(__file__).resolve().parent.parent
_STEP = re.compile(r"step (\d+)/(\d+)")
_LOG_SECONDS = 10.0
_TAIL_LINES = 12
_PATIENCE_SECONDS = 20.0

_slots: dict[int, threading.BoundedSemaphore] = {}


def run_module(module: str, job: Value, draft: Draft, runtime: Runtime, ranks: int = 1) -> None:
    """Run `module` on `job` to its end, waiting for a training slot. Raises as `run_side_by_side` does."""
    run_copies(module, [job], draft, runtime, ranks)


def run_copies(module: str, jobs: Sequence[Value], draft: Draft, runtime: Runtime, ranks: int = 1) -> None:
    """The same for jobs that are parts of one, which take one training slot together."""
    slot = _slots.setdefault(runtime.training_slots, threading.BoundedSemaphore(runtime.training_slots))
    with slot:
        run_side_by_side(module, jobs, draft, runtime, ranks)


def run_side_by_side(module: str, jobs: Sequence[Value], draft: Draft, runtime: Runtime, ranks: int = 1) -> None:
    """Run `module` on each of the jobs at once; when one fails, the others are ended.

    Raises UserError with the mistake that one of them says; ModuleFailed with the end of its output for any other end.
    """
    log = _log_file(Store(runtime.store), draft)
    with (
        alive(draft.work / "alive") as pipe,
        log.open("ab") as output,
        ThreadPoolExecutor(len(jobs)) as readers,
        contextlib.ExitStack() as started,
    ):
        followed = {}
        for number, job in enumerate(jobs):
            job_file = draft.work / f"job-{number}.json"
            forget_mistake(job_file)
            job_file.write_text(job.model_copy(update={"parent": str(pipe)}).model_dump_json(indent=2))
            process = _start(_command(module, job_file, ranks, runtime), runtime.threads)
            started.enter_context(_stopped_on_error(process))
            followed[readers.submit(_follow, process, draft, output)] = process, job_file
        for future in as_completed(followed):
            process, job_file = followed[future]
            _check(module, process.wait(), mistake_of(job_file), future.result(), log)


def _check(module: str, code: int, mistake: str | None, tail: "deque[str]", log: Path) -> None:
    if code and mistake:
        raise UserError(mistake)
    if code:
        shown = "\n".join(tail)
        raise ModuleFailed(f"{module} ended with code {code}; the end of {log}:\n{shown}")


def _log_file(store: Store, draft: Draft) -> Path:
    log = store.logs / draft.folder.parent.name / f"{draft.folder.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


@contextlib.contextmanager
def alive(path: Path) -> Iterator[Path]:
    """A named pipe with its write end open here, closed by the system however this process ends."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)  # both ends, so that opening does not wait for the reader
    try:
        yield path
    finally:
        os.close(descriptor)


def _command(module: str, job: Path, ranks: int, runtime: Runtime) -> list[str]:
    launcher = [sys.executable] if ranks == 1 else torchrun(ranks, runtime)
    return [*launcher, "-m", module, str(job)]


def _start(command: list[str], threads: int) -> "subprocess.Popen[str]":
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",  # ninja, for DeepSpeed
    }
    return subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


@contextlib.contextmanager
def _stopped_on_error(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Wait for the process; when we are interrupted, end it first, gently and then not."""
    try:
        yield
        process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def _follow(process: "subprocess.Popen[str]", draft: Draft, output: BinaryIO) -> "deque[str]":
    """Read the process's output to its end: all to the log, steps to the bar, a sample to Prefect."""
    assert process.stdout
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    told = time.monotonic()
    with process.stdout as lines:
        for line in lines:
            output.write(line.encode())
            output.flush()
            tail.append(line.rstrip())
            if step := _STEP.search(line):
                draft.progress(int(step[1]), int(step[2]), "steps")
                if time.monotonic() - told > _LOG_SECONDS:
                    told = time.monotonic()
                    _tell(line.rstrip())
    return tail


def _tell(line: str) -> None:
    try:
        get_run_logger().info(line)
    except MissingContextError:
        print(line, flush=True)
