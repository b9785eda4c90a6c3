"""Worker processes that probe one file at a time, each behind a deadline.

The kernel keeps the deadline: a worker sets an alarm before each file and dies of it even inside a decoder,
or when we are gone. A dead worker costs its file, and the next file gets a new one.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue


class Ended(RuntimeError):
    """The worker died over a file; the message is "deadline" or "crashed"."""


class Worker:
    """One child process, started when it is first asked."""

    def __init__(self, deadline_seconds: float, longest_seconds: float) -> None:
        self._limits = [str(deadline_seconds), str(longest_seconds)]
        self._child: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running child, None while there is none."""
        return self._child.pid if self._child else None

    def ask(self, path: str) -> str:
        """The child's answer for one file, one line of JSON. Raises Ended when the child died over it."""
        child = self._child or self._start()
        try:
            _say(child, path)
            answer = _hear(child)
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._child = None
            raise Ended("deadline" if child.wait() == -signal.SIGALRM else "crashed")
        return answer

    def _start(self) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "media.probe_worker", *self._limits]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )
        if _hear(child) != "ready":
            raise RuntimeError(f"the probing process did not start (exit status {child.wait()}); its error is above")
        self._child = child
        return child

    def end(self) -> None:
        if self._child:
            self._child.kill()
            self._child.communicate()
            self._child = None


def ask_all(paths: Sequence[str], workers: int, deadline_seconds: float, longest_seconds: float) -> list[str]:
    """The answer for each file, in order; "deadline" or "crashed" where the worker died over it."""
    idle: SimpleQueue[Worker] = SimpleQueue()
    crew = [Worker(deadline_seconds, longest_seconds) for _ in range(max(1, min(workers, len(paths))))]
    for worker in crew:
        idle.put(worker)

    def ask(path: str) -> str:
        worker = idle.get()
        try:
            return _ask_twice(worker, path)
        finally:
            idle.put(worker)

    try:
        with ThreadPoolExecutor(len(crew)) as pool:
            return list(pool.map(ask, paths))
    finally:
        for worker in crew:
            worker.end()


def _ask_twice(worker: Worker, path: str) -> str:
    """A child may die of other things, such as a lack of memory: a file is blamed the second time."""
    try:
        return worker.ask(path)
    except Ended as ended:
        if str(ended) == "deadline":
            return str(ended)
    try:
        return worker.ask(path)
    except Ended as ended:
        return str(ended)


def _say(child: subprocess.Popen[str], path: str) -> None:
    if child.stdin is None:
        raise RuntimeError("a probing process without a pipe to it")
    child.stdin.write(json.dumps(path) + "\n")
    child.stdin.flush()


def _hear(child: subprocess.Popen[str]) -> str:
    if child.stdout is None:
        raise RuntimeError("a probing process without a pipe from it")
    return child.stdout.readline().strip()
