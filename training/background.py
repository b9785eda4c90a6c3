"""Calls that are worked off in the background, by threads that keep no process from ending.

An executor of the standard library would hold up the end of its process until its last call is done, and a call may be
waiting for a file that hangs.
"""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")
_Calls = SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]


class Background:
    """So many threads, started when they are first needed; they leave when nobody holds this any more."""

    def __init__(self, threads: int) -> None:
        self._calls: _Calls = SimpleQueue()
        self._missing = threads
        weakref.finalize(self, _dismiss, self._calls, threads)

    def submit(self, call: Callable[_Given, _Answer], *given: _Given.args, **named: _Given.kwargs) -> Future[_Answer]:
        """Its answer, or what it raises, once a thread has come to it."""
        while self._missing:
            threading.Thread(target=_work_off, args=(self._calls,), daemon=True).start()
            self._missing -= 1
        future: Future[_Answer] = Future()
        self._calls.put((future, lambda: call(*given, **named)))
        return future


def _work_off(calls: _Calls) -> None:
    while (one := calls.get()) is not None:
        future, call = one
        if future.set_running_or_notify_cancel():
            _fill(future, call)
        del one, future, call  # what a waiting thread held would live as long as it waits


def _fill(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        answer = call()
    except BaseException as error:  # whatever it is, it belongs to who asked
        future.set_exception(error)
    else:
        future.set_result(answer)


def _dismiss(calls: _Calls, threads: int) -> None:
    for _ in range(threads):
        calls.put(None)
