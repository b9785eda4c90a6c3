"""Progress of long work: a bar in a terminal, and a progress artifact in the Prefect UI."""

import contextvars
import re
import sys
import threading
import time
from types import TracebackType
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.runtime import task_run
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from tasks.telling import tell

_UI_SECONDS = 5.0
_LAST_SECONDS = 2.0
_lock = threading.Lock()
_bars: Bars | None = None
_open = 0


class Progress:
    """Told (done, total, unit) as often as one likes; shows it as often as it helps. A total of 0 is not known."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar = _add_bar(title)
        self._artifact = _Artifact(title) if TaskRunContext.get() else None
        self._shown = time.monotonic()

    def __call__(self, done: int, total: int, unit: str) -> None:
        if _bars and self._bar is not None:
            _bars.update(
                self._bar, completed=done, total=total or None, description=f"{self._title} ({unit})", visible=True
            )
        if self._artifact and time.monotonic() - self._shown >= _UI_SECONDS:
            self._shown = time.monotonic()
            self._artifact.show(100.0 * done / total if total else 0.0)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        bar, self._bar = self._bar, None
        _remove_bar(bar)
        if self._artifact:
            self._artifact.end(is_done=kind is None)


class _Artifact:
    """The progress artifact of the task run in which this is made, in percent.

    A thread of its own sends the newest value: a server that is slow or away is no reason to wait, nor to fail.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._run = contextvars.copy_context()  # from which Prefect knows the task run and its server
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._newest: float | None = None
        self._is_ended = self._is_told = False
        self._id: UUID | None = None

    def show(self, percent: float) -> None:
        with self._changed:
            self._newest = percent
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run.run, args=(self._send_all,), daemon=True)
                self._thread.start()

    def end(self, *, is_done: bool) -> None:
        """What was shown before ends at 100 when the work is done, if the server takes it within a moment."""
        with self._changed:
            self._is_ended = True
            if is_done:
                self._newest = 100.0
            self._changed.notify()
        if is_done and self._thread:
            self._thread.join(_LAST_SECONDS)

    def _send_all(self) -> None:
        while (percent := self._next()) is not None:
            try:
                self._send(percent)
            except Exception as error:
                self._tell(error)

    def _next(self) -> float | None:
        """The newest value that was not sent; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_ended or self._newest is not None)
            percent, self._newest = self._newest, None
            return percent

    def _send(self, percent: float) -> None:
        if self._id is None:
            self._id = cast(UUID, create_progress_artifact(progress=percent, key=_key(), description=self._title))
        else:
            update_progress_artifact(artifact_id=self._id, progress=percent)

    def _tell(self, error: Exception) -> None:
        """Once, and while anybody waits for the work."""
        if not (self._is_told or self._is_ended):
            self._is_told = True
            why = " ".join(f"{type(error).__name__}: {error}".split())
            tell(f"the progress of {self._title} is not shown, and the work goes on: {why}")


def _key() -> str:
    """Named after the task run. Prefect's artifact keys take lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{task_run.name} progress".lower()).strip("-")


def _add_bar(title: str) -> TaskID | None:
    """A bar on the terminal's one live display, shown from its first update on; None where there is no terminal."""
    global _bars, _open
    if not sys.stderr.isatty():
        return None
    with _lock:
        if _bars is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            _bars = Bars(*columns, console=Console(stderr=True), transient=True)
            _bars.start()
        _open += 1
        return _bars.add_task(title, visible=False)


def _remove_bar(bar: TaskID | None) -> None:
    global _bars, _open
    if bar is None or _bars is None:
        return
    with _lock:
        _bars.remove_task(bar)
        _open -= 1
        if _open == 0:
            _bars.stop()
            _bars = None
