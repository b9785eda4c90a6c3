"""One lane of ingestion as a process: `python -m tasks.reading.lane JOB.json`. Without Prefect, it starts quickly."""

import gc
import sys
from pathlib import Path

from schemas.failures import USER_FAULT
from schemas.values import UserError
from tasks.reading.blocks import Lane, read_lane
from training.parent import leave_with

_YOUNG = 500_000


def main() -> None:
    lane = Lane.model_validate_json(Path(sys.argv[1]).read_text())
    leave_with(lane.parent)
    # Rows are many small objects that die with their block: looking for cycles among them costs half the time.
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 100)
    try:
        read_lane(lane, lambda rows: print(f"step {rows}/0", flush=True))
    except UserError as error:
        print(error, flush=True)
        sys.exit(USER_FAULT)


if __name__ == "__main__":
    main()
