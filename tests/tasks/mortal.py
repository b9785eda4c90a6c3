"""A lane that kills itself in the first of its lives: `python -m tests.tasks.mortal JOB.json`."""

import json
import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    lives = Path(job["lives"])
    with lives.open("a") as told:
        told.write("alive\n")
    if len(lives.read_text().splitlines()) <= job["killed"]:
        os.kill(os.getpid(), signal.SIGKILL)
