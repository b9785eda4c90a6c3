"""A lane: one process's share of a long stage's shards, wherever it runs.

It is `python -m MODULE JOB.json` and needs nothing but its job, which is typed, names paths, and in `parent` a pipe
that ends with who started it. What it makes lies as shard files and marks in the draft, so a lane that is begun again
goes on where it was. Nothing here knows Prefect, because the workers of Dask and Ray import it.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from schemas.failures import FAULTS, USER_FAULT, ModuleFailed, exit_code
from storage.disk_faults import told_plainly

GONE = -1
"""Stands for the exit code of a lane that was ended because nobody waits for it any more."""

_ROOT = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 20.0
_TAIL_LINES = 12


class Ended(NamedTuple):
    """code: of the process. tail: the last lines that it said."""

    code: int
    tail: str


def nobody_left() -> bool:
    """For a lane whose starter dies with it."""
    return False


def work_off(module: str, job: str, threads: int, gone: Callable[[], bool] = nobody_left) -> Ended:
    """Run `module` on a job, an object of JSON, to its end. gone: asked now and then whether nobody waits any more.

    The lane dies with the process that this is called in, however that one dies. One that is killed is begun again,
    once, since what killed it may have been meant for another.
    """
    work = json.loads(job).get("work")
    if work and not Path(work).is_dir():
        return Ended(USER_FAULT, _unseen(work))
    ended = _one_life(module, job, threads, gone)
    return _one_life(module, job, threads, gone) if ended.code < 0 and not gone() else ended


def _unseen(work: str) -> str:
    return (
        f"the worker on {socket.gethostname()} does not see {work}: let it have the store under the same path as here, "
        "or name another executor"
    )


def _one_life(module: str, job: str, threads: int, gone: Callable[[], bool]) -> Ended:
    with (
        tempfile.TemporaryDirectory() as place,
        tempfile.TemporaryFile() as said,
        _pipe() as parent,
    ):
        told = Path(place, "job.json")
        told.write_text(json.dumps(json.loads(job) | {"parent": f"/dev/fd/{parent}"}))
        command = [sys.executable, "-m", module, str(told)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, pass_fds=(parent,), stdout=said, stderr=subprocess.STDOUT
        )
        code = _code(process, gone)
        said.seek(0)
        lines = said.read().decode(errors="replace").splitlines()
    return Ended(code, "\n".join(lines[-_TAIL_LINES:]))


def raise_fault(module: str, ended: Ended) -> None:
    """Raises what stopped a lane; ModuleFailed with its last lines where it could not say."""
    if ended.code == 0:
        return
    if ended.code in FAULTS and ended.tail:
        raise FAULTS[ended.code](ended.tail.splitlines()[-1])
    raise ModuleFailed(f"{module} ended with code {ended.code}; its last lines:\n{ended.tail}")


@contextlib.contextmanager
def saying_why(draft: Path) -> Iterator[None]:
    """In a lane: what stops the block is its last line, and its exit code tells which kind it is. draft: its folder."""
    try:
        with told_plainly(draft.parents[2]):  # as the store does for who is in the run's own process
            yield
    except tuple(FAULTS.values()) as error:
        print(" ".join(str(error).split()), flush=True)
        sys.exit(exit_code(error))


@contextlib.contextmanager
def _pipe() -> Iterator[int]:
    """The read end of a pipe whose write end only this process holds: it ends when this process does."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _code(process: "subprocess.Popen[bytes]", gone: Callable[[], bool]) -> int:
    try:
        while process.poll() is None:
            if gone():
                return GONE
            time.sleep(_POLL_SECONDS)
        return process.returncode
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
