"""One lane of ingestion as a process: `python -m tasks.reading.lane JOB.json`. Without Prefect, it starts quickly."""

import gc
import sys
from pathlib import Path

from tasks.lanes import saying_why
from tasks.reading.blocks import Lane, read_lane
from training.parent import leave_with

_YOUNG = 500_000


def main() -> None:
    lane = Lane.model_validate_json(Path(sys.argv[1]).read_text())
    leave_with(lane.parent)
    # Rows are many small objects that die with their block: looking for cycles among them costs half the time.
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 100)
    with saying_why(Path(lane.folder)):
        read_lane(lane)


if __name__ == "__main__":
    main()
