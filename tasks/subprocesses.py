"""Heavy work in a process of its own: torch never enters the flow's process, and leaves its memory when done.

The module is started as `python -m MODULE JOB.json`, through torchrun when it spans several ranks. Its whole output
goes to a log file; lines of the form `step N/M ...` move the progress bar, and a sample of the lines goes to Prefect.
It stays in our session, so a cancel reaches it, and it watches a named pipe, so that it leaves when we are killed.
"""

import contextlib
import contextvars
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.failures import ModuleFailed
from schemas.runtime import Runtime
from schemas.values import Value
from storage.draft import Draft
from storage.store import Store
from tasks.nodes import torchrun
from tasks.telling import tell
from training.faults import fault_of, forget_fault

_ROOT = Path(__file__).resolve().parent.parent
_STEP = re.compile(r"step (\d+)/(\d+)")
_LOG_SECONDS = 10.0
_TAIL_LINES = 12
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 40.0
"""For processes that are asked to end; torchrun gives its own ranks 30."""
_OUTPUT_SECONDS = 10.0
"""For the output of processes that have ended."""

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

    Raises what one of them says has stopped it, of the kinds in `FAULTS`; ModuleFailed with the end of its output for
    any other end.
    """
    log = _log_file(Store(runtime.store), draft)
    copies: list[_Copy] = []
    # Left from the last to the first: ranks that outlive a killed launcher leave with the pipe, and their output ends.
    with _read_out(copies), alive(draft.work / "alive") as pipe, _ended_on_error(copies):
        for number, job in enumerate(jobs):
            job_file = draft.work / f"job-{number}.json"
            forget_fault(job_file)
            job_file.write_text(job.model_copy(update={"parent": str(pipe)}).model_dump_json(indent=2))
            process = _start(_command(module, job_file, ranks, runtime), runtime.threads)
            copies.append(_Copy(process, job_file, draft, log))
        for copy in _as_they_end(copies):
            copy.check(module)


class _Copy:
    """A process that runs a module, and the thread that reads what it says."""

    def __init__(self, process: "subprocess.Popen[str]", job_file: Path, draft: Draft, log: Path) -> None:
        self.process, self._job_file, self._draft, self._log = process, job_file, draft, log
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._unread: OSError | None = None
        context = contextvars.copy_context()  # from which Prefect knows the task run whose lines these are
        self._reader = threading.Thread(target=context.run, args=(self._read,), name="output", daemon=True)
        self._reader.start()

    def check(self, module: str) -> None:
        """Of a process that has ended. Raises as `run_side_by_side` does, and OSError of a log that takes no more."""
        code = self.process.returncode
        if code and (fault := fault_of(self._job_file)):
            raise fault
        self.read_out(_OUTPUT_SECONDS)
        if self._unread:
            raise self._unread
        if code:
            shown = "\n".join(self._tail.copy())
            raise ModuleFailed(f"{module} ended with code {code}; the end of {self._log}:\n{shown}")

    def read_out(self, seconds: float) -> None:
        """Wait for the end of the output. What the process has left behind may hold it open for ever."""
        self._reader.join(seconds)

    def _read(self) -> None:
        try:
            self._follow()
        except OSError as error:
            self._unread = error

    def _follow(self) -> None:
        """Read the process's output to its end: all to the log, steps to the bar, a sample to Prefect."""
        assert self.process.stdout
        told = time.monotonic()
        with self.process.stdout as lines, self._log.open("ab") as output:
            for line in lines:
                output.write(line.encode())
                output.flush()
                self._tail.append(line.rstrip())
                if step := _STEP.search(line):
                    self._draft.progress(int(step[1]), int(step[2]), "steps")
                    if time.monotonic() - told > _LOG_SECONDS:
                        told = time.monotonic()
                        tell(line.rstrip())


def _as_they_end(copies: Sequence[_Copy]) -> Iterator[_Copy]:
    waiting = list(copies)
    while waiting:
        for copy in [copy for copy in waiting if copy.process.poll() is not None]:
            waiting.remove(copy)
            yield copy
        time.sleep(_POLL_SECONDS)


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
def _ended_on_error(copies: Sequence[_Copy]) -> Iterator[None]:
    """When one has failed or we are interrupted, end all processes, gently and then not."""
    try:
        yield
    except BaseException:
        processes = [copy.process for copy in copies]
        try:
            _ask_to_end(processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        raise


def _ask_to_end(processes: "Sequence[subprocess.Popen[str]]") -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + _PATIENCE_SECONDS
    with contextlib.suppress(subprocess.TimeoutExpired):
        for process in processes:
            process.wait(max(0.0, until - time.monotonic()))


@contextlib.contextmanager
def _read_out(copies: Sequence[_Copy]) -> Iterator[None]:
    try:
        yield
    finally:
        until = time.monotonic() + _OUTPUT_SECONDS
        for copy in copies:
            copy.read_out(max(0.0, until - time.monotonic()))
