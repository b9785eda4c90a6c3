"""What a stage starts in the tests, instead of training: `python -m tests.tasks.worker JOB.json`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from schemas.failures import FAULTS
from storage.files import write_text
from training.faults import saying_faults

KINDS = {kind.__name__: kind for kind in FAULTS.values()}
RANKS = {
    "leaves": "import sys, threading, training.parent as p; p.leave_with(sys.argv[1]); threading.Event().wait(60)",
    "clings": "import time; time.sleep(60)",
}
"""Processes that a launcher leaves behind: one that watches the pipe of the stage, one that watches nothing."""


def stay(job: dict[str, str]) -> None:
    """Like a launcher that does not end on request, with a rank that shares its output."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    rank = subprocess.Popen([sys.executable, "-c", RANKS[job["say"]], job["parent"]])
    write_text(Path(job["out"]), str(rank.pid))
    signal.pause()


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    for step in range(1, 4):
        print(f"step {step}/3 loss 0.5 \ud83d".encode(errors="surrogatepass").decode("utf-8", "replace"), flush=True)
    if job["say"] == "fail":
        while job["out"] and not Path(job["out"]).exists():
            time.sleep(0.05)
        print("first line\nlast line of the traceback", file=sys.stderr)
        sys.exit(3)
    if kind := KINDS.get(job["say"]):
        with saying_faults(Path(sys.argv[1])):
            raise kind("micro_batch 3 does not divide\nthe 4 examples of a process")
    if job["say"] == "linger":
        with Path(job["parent"]).open("rb") as pipe:
            Path(job["out"]).write_text(str(os.getpid()))
            pipe.read()  # until the one who started us is gone
        Path(job["out"]).write_text("left")
    elif job["say"] in RANKS:
        stay(job)
    elif job["say"] == "wait":
        write_text(Path(job["out"]), str(os.getpid()))
        signal.pause()
    else:
        Path(job["out"]).write_text(f"{job['say']} with {os.environ['OMP_NUM_THREADS']} threads")
