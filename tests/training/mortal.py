"""A generating process that kills itself at a chosen moment: `python -m tests.training.mortal JOB.json MOMENT`.

Moments are counted from 1: each batch that is just kept is one, and each shard that is just whole, its batches not yet
dropped.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from schemas.training import GenerateJob
from training.generate import main
from training.written import Row, WrittenBatches


class Mortal(WrittenBatches):
    """Batches of a process whose moments are counted."""

    moments, last = count(1), 0

    def add(self, rows: list[Row]) -> None:
        super().add(rows)
        self._pass()

    def drop(self) -> None:
        self._pass()
        super().drop()

    def _pass(self) -> None:
        if next(self.moments) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Mortal.last = int(sys.argv[2])
    sys.modules["training.generate"].WrittenBatches = Mortal  # type: ignore[attr-defined]
    main(GenerateJob.model_validate_json(Path(sys.argv[1]).read_text()))
