"""A lane that fails in the way that its job names: `python -m tests.tasks.failing JOB.json`."""

import errno
import json
import sys
from pathlib import Path

from schemas.failures import FAULTS
from tasks.lanes import saying_why

if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    kinds = {kind.__name__: kind("why it stopped") for kind in FAULTS.values()}
    full = OSError(errno.ENOSPC, "No space left on device", str(Path(job["draft"]) / "examples"))
    with saying_why(Path(job["draft"])):
        raise kinds.get(job["kind"], full)
