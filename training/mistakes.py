"""How a process tells the stage that started it of a user's mistake.

In a file beside its job: torchrun ends with an exit code and last lines of its own, whatever its ranks said.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.failures import USER_FAULT
from schemas.values import UserError


@contextmanager
def saying_mistakes(job: Path) -> Iterator[None]:
    """A mistake of the user's is one line, the process's last, and the process ends with the code `USER_FAULT`."""
    try:
        yield
    except UserError as error:
        line = " ".join(str(error).split())
        _write(_beside(job), line)
        print(line, flush=True)
        sys.exit(USER_FAULT)


def forget_mistake(job: Path) -> None:
    """What an earlier process said of this job counts no more."""
    _beside(job).unlink(missing_ok=True)


def mistake_of(job: Path) -> str | None:
    """What a process said was wrong with the job, or None."""
    with suppress(FileNotFoundError):
        return _beside(job).read_text()
    return None


def _beside(job: Path) -> Path:
    return job.with_suffix(".mistake")


def _write(place: Path, line: str) -> None:
    """Whole or not at all: every rank may say the same, and each is ended as soon as one has."""
    temporary = place.with_suffix(f".{os.getpid()}")
    temporary.write_text(line)
    os.replace(temporary, place)
