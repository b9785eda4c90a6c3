"""How a process tells the stage that started it what stopped it, where that is no fault of the code.

In a file beside its job: torchrun ends with an exit code and last lines of its own, whatever its ranks said.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.failures import FAULTS, exit_code


@contextmanager
def saying_faults(job: Path) -> Iterator[None]:
    """One of `FAULTS` is one line, the process's last, and the process ends with its exit code."""
    try:
        yield
    except tuple(FAULTS.values()) as fault:
        code, line = exit_code(fault), " ".join(str(fault).split())
        _write(_beside(job), json.dumps({"kind": FAULTS[code].__name__, "line": line}))
        print(line, flush=True)
        sys.exit(code)


def forget_fault(job: Path) -> None:
    """What an earlier process said of this job counts no more."""
    _beside(job).unlink(missing_ok=True)


def fault_of(job: Path) -> Exception | None:
    """What a process said had stopped it, as what it was there; None where none said anything."""
    with suppress(FileNotFoundError):
        said = json.loads(_beside(job).read_text())
        return {kind.__name__: kind for kind in FAULTS.values()}[said["kind"]](said["line"])
    return None


def _beside(job: Path) -> Path:
    return job.with_suffix(".fault")


def _write(place: Path, said: str) -> None:
    """Whole or not at all: every rank may say the same, and each is ended as soon as one has."""
    temporary = place.with_suffix(f".{os.getpid()}")
    temporary.write_text(said)
    os.replace(temporary, place)
