"""Progress of long work: a bar in a terminal, and a progress artifact in the Prefect UI."""

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

_UI_SECONDS = 5.0
_lock = threading.Lock()
_bars: Bars | None = None
_open = 0


class Progress:
    """Told (done, total, unit) as often as one likes; shows it as often as it helps. A total of 0 is not known."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar = _add_bar(title)
        self._artifact: UUID | None = None
        self._shown = time.monotonic()

    def __call__(self, done: int, total: int, unit: str) -> None:
        if _bars and self._bar is not None:
            _bars.update(
                self._bar, completed=done, total=total or None, description=f"{self._title} ({unit})", visible=True
            )
        if time.monotonic() - self._shown >= _UI_SECONDS and TaskRunContext.get():
            self._shown = time.monotonic()
            self._show_in_ui(100.0 * done / total if total else 0.0)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove_bar(self._bar)
        if self._artifact and kind is None:
            update_progress_artifact(artifact_id=self._artifact, progress=100.0)

    def _show_in_ui(self, percent: float) -> None:
        if self._artifact is None:
            asked = create_progress_artifact(progress=percent, key=_key(), description=self._title)
            self._artifact = cast(UUID, asked)
        else:
            update_progress_artifact(artifact_id=self._artifact, progress=percent)


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
