"""Leave with the stage that started us: no training process outlives the flow.

The stage holds a named pipe open for writing and never writes. When the stage ends, however it ends, the system
closes that end, and reading here gives end-of-file.
"""

import os
import threading

ORPHANED = 75
"""Exit code of a process whose stage is gone (EX_TEMPFAIL: starting again may succeed)."""


def leave_with(parent: str | None) -> None:
    """Watch the named pipe `parent` and exit at its end-of-file. None watches nothing, nor do ranks of other nodes."""
    if parent is not None and os.environ.get("GROUP_RANK", "0") == "0":
        # Opening without waiting: with a stage that is gone already, the first read is the end-of-file.
        descriptor = os.open(parent, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(descriptor, True)
        threading.Thread(target=_watch, args=(descriptor,), name="parent", daemon=True).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os._exit(ORPHANED)
