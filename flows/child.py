"""A program that does not outlive its starter: `python -m flows.child STARTER_PID COMMAND...`.

The server, the worker and their like are not ours to teach to watch a pipe, as training does. So the kernel is asked to
kill the program when its starter ends, and the program takes this process's place: the request outlives `exec`.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from flows.leaving import WORKER, identity

_ROOT = Path(__file__).resolve().parent.parent
_PR_SET_PDEATHSIG = 1


def start(environment: Mapping[str, str], *command: str) -> "subprocess.Popen[bytes]":
    """Start `command`, found on the environment's PATH, in a session of its own: Ctrl-C reaches us alone.

    It is killed when this thread's process ends, however that happens; so start it from the main thread.
    """
    words = [sys.executable, "-m", "flows.child", str(os.getpid()), *command]
    return subprocess.Popen(words, cwd=_ROOT, env=dict(environment), start_new_session=True)


def _become(starter: int, command: list[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != starter:
        sys.exit("the starter is gone")  # it ended before the kernel was asked
    os.environ[WORKER] = identity(os.getpid())  # a flow that this program starts watches it
    os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
