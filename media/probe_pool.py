"""Worker processes that probe one file at a time, each behind a deadline.

The kernel keeps the deadline: a worker sets an alarm before each file and dies of it even inside a decoder,
or when we are gone. A dead worker costs its file, and the next file gets a new one.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing.connection import wait
from typing import IO, TypeVar

DIED = ("deadline", "crashed")
"""What stands for the answer about a file over which the worker died."""

READY = "ready"
_MODULE = "media.probe_worker"

Key = TypeVar("Key")


class Worker:
    """One child process, started when it is first asked. After `ask`, `hear` until there is an answer."""

    def __init__(self, deadline_seconds: float, longest_seconds: float, module: str = _MODULE) -> None:
        self._command = [sys.executable, "-m", module, str(deadline_seconds), str(longest_seconds)]
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._path, self._deaths = "", 0

    @property
    def pid(self) -> int | None:
        """Of the running child, None while there is none."""
        return self._child.pid if self._child else None

    def fileno(self) -> int:
        """The pipe on which something can be heard."""
        return _open(self._running().stdout).fileno()

    def ask(self, path: str) -> None:
        """Hand over a file, after the answer about the one before."""
        self._path, self._deaths = path, 0
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
        if not self._is_ready and line.strip() == READY:
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
            raise RuntimeError(f"the probing process did not start (exit status {status}); its error is above")
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
            os.write(_open(self._running().stdin).fileno(), json.dumps(self._path).encode() + b"\n")
        except BrokenPipeError:
            return  # it died between two files, which is what will be heard

    def _running(self) -> subprocess.Popen[bytes]:
        if not self._child:
            raise RuntimeError("a worker without a child: ask it first")
        return self._child


def ask_all(
    files: Iterable[tuple[Key, str]],
    workers: int,
    deadline_seconds: float,
    longest_seconds: float,
    module: str = _MODULE,
) -> Iterator[tuple[Key, str]]:
    """The answer about each file under its key, as answers arrive. Takes from `files` only what it can ask at once."""
    ahead = iter(files)
    crew = [Worker(deadline_seconds, longest_seconds, module) for _ in range(max(1, workers))]
    try:
        busy = dict(pair for worker in crew for pair in _hand_over(worker, ahead))
        while busy:
            for worker in _speaking(busy):
                if (answer := worker.hear()) is None:
                    continue
                yield busy.pop(worker), answer
                busy.update(_hand_over(worker, ahead))
    finally:
        for worker in crew:
            worker.end()


def _hand_over(worker: Worker, ahead: Iterator[tuple[Key, str]]) -> Iterator[tuple[Worker, Key]]:
    """Ask about the next file, if there is one, and say which that is."""
    for key, path in islice(ahead, 1):
        worker.ask(path)
        yield worker, key


def _speaking(busy: Iterable[Worker]) -> list[Worker]:
    by_pipe = {worker.fileno(): worker for worker in busy}
    heard = set(wait(list(by_pipe)))
    return [worker for pipe, worker in by_pipe.items() if pipe in heard]


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("a probing process without a pipe")
    return pipe
