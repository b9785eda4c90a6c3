"""One child process that answers questions about files, one at a time, each behind a deadline: both of its ends.

The kernel keeps the deadline: the child sets an alarm before each answer and dies of it even inside a decoder, or when
we are gone. A dead child costs its file, and the next file gets a new one.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

DIED = ("deadline", "crashed")
"""What stands for the answer about a file over which the child died."""

_READY = "ready"


class Worker:
    """`python -m module DEADLINE ARGUMENTS`, started when it is first asked; the module calls `serve`.

    After `ask`, `hear` until there is an answer.
    """

    def __init__(self, module: str, deadline_seconds: float, *arguments: object) -> None:
        self._module = module
        self._command = [sys.executable, "-m", module, str(deadline_seconds), *map(str, arguments)]
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._question, self._deaths = "", 0

    @property
    def pid(self) -> int | None:
        """Of the running child, None while there is none."""
        return self._child.pid if self._child else None

    def fileno(self) -> int:
        """The pipe on which something can be heard."""
        return _open(self._running().stdout).fileno()

    def ask(self, question: str) -> None:
        """Hand over a question, after the answer to the one before."""
        self._question, self._deaths = question, 0
        if self._child:
            self._say()
        else:
            self._start()

    def hear(self) -> str | None:
        """Wait for a line of the child's: the answer, one line of JSON or a word of `DIED`; None for not yet.

        Raises RuntimeError when the child cannot be started.
        """
        line = _open(self._running().stdout).readline().decode()
        if not line.endswith("\n"):
            return self._bury()
        if not self._is_ready and line.strip() == _READY:
            self._is_ready = True
            self._say()
            return None
        return line.strip()

    def end(self) -> int:
        """End the child and close its pipes. Its exit status; 0 where there is none."""
        if not self._child:
            return 0
        with self._child as child:
            child.kill()
        self._child = None
        return child.returncode

    def _bury(self) -> str | None:
        """A child may die of other things, such as a lack of memory: a file is blamed for the second death."""
        status, self._deaths = self.end(), self._deaths + 1
        if not self._is_ready:
            raise RuntimeError(f"{self._module} did not start (exit status {status}); its error is above")
        if status == -signal.SIGALRM:
            return "deadline"
        if self._deaths > 1:
            return "crashed"
        self._start()
        return None

    def _start(self) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._is_ready = False
        self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def _say(self) -> None:
        try:
            os.write(_open(self._running().stdin).fileno(), json.dumps(self._question).encode() + b"\n")
        except BrokenPipeError:
            return  # it died between two files, which is what will be heard

    def _running(self) -> subprocess.Popen[bytes]:
        if not self._child:
            raise RuntimeError("a worker without a child: ask it first")
        return self._child


def serve(answer: Callable[[str], str], deadline_seconds: float, memory: int) -> None:
    """The child's end: answer each question that comes in with one line, until there are no more.

    memory: bytes of addresses that answering may take beside what the process has already.
    """
    _bound(memory)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a decoder prints is no answer
    print(_READY, file=answers, flush=True)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, deadline_seconds)
        answered = answer(json.loads(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(answered, file=answers, flush=True)


def _bound(memory: int) -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("a worker without a pipe")
    return pipe
