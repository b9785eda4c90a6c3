"""One lane of ingestion as a process: `python -m tasks.reading.lane JOB.json`. Without Prefect, it starts quickly."""

import gc
import sys
from pathlib import Path

from tasks.lanes import saying_why
from tasks.reading.blocks import Lane, read_lane
from training.parent import leave_with


def main() -> None:
    lane = Lane.model_validate_json(Path(sys.argv[1]).read_text())
    leave_with(lane.parent)
    gc.freeze()  # what was imported stays until the end, and is not looked through again
    with saying_why(Path(lane.folder)):
        read_lane(lane)


if __name__ == "__main__":
    main()
