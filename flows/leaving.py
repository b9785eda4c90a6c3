"""How the process of a flow ends: soon after it is told to, and when its worker is gone.

Prefect turns SIGTERM (a cancel) into an exception in the flow's thread, and then waits for the threads of tasks. One
that waits for a language model does not hear of it, so after a grace the process ends as it is: what a stage has
finished is in its draft, and training leaves with us (`training.parent`).
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

WORKER = "CONTEXTFIRST_WORKER"
"""Names the worker to flows that it starts, as `identity` does."""

_GRACE_SECONDS = 12.0
_TERMINAL_GRACE_SECONDS = 3.0
_SHOW_CURSOR = "\x1b[?25h"
_START_TIME = 19  # in /proc/PID/stat, counted after the command's name, which may hold anything


@contextmanager
def ending_soon() -> Iterator[None]:
    """When the block is left because the run is told to stop, end this process within the grace."""
    try:
        yield
    except Exception:
        raise  # a failure is no order to stop: what else runs may end well
    except KeyboardInterrupt:
        _end_beside(_TERMINAL_GRACE_SECONDS, signal.SIGINT)  # somebody waits for the prompt
        raise
    except BaseException:
        _end_beside(_GRACE_SECONDS, signal.SIGTERM)
        raise


def end_with_worker() -> None:
    """Where a worker started this process, watch it: when it ends, so do we. A run in a terminal watches nothing."""
    if "PREFECT__FLOW_RUN_ID" in os.environ:
        worker = os.environ.get(WORKER) or identity(os.getppid())
        threading.Thread(target=_watch, args=(worker,), name="worker", daemon=True).start()


def identity(pid: int) -> str:
    """`PID START_TIME`, which no later process has; raises FileNotFoundError for one that is gone."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return f"{pid} {after_name.split()[_START_TIME]}"


def _watch(worker: str) -> None:
    pid = int(worker.split()[0])
    with suppress(ProcessLookupError, FileNotFoundError):  # gone already, which is what we wait for
        descriptor = os.pidfd_open(pid)
        if identity(pid) == worker:
            select.select([descriptor], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
    _end(_GRACE_SECONDS, signal.SIGTERM)


def _end_beside(grace: float, number: signal.Signals) -> None:
    threading.Thread(target=_end, args=(grace, number), name="ending", daemon=True).start()


def _end(grace: float, number: signal.Signals) -> None:
    """With the exit code that shells give a process which ended by the signal."""
    time.sleep(grace)
    if sys.stderr.isatty():
        sys.stderr.write(_SHOW_CURSOR)  # a bar that is not closed leaves it hidden
        sys.stderr.flush()
    os._exit(128 + number)
