"""What a stage starts in the tests, instead of training: `python -m tests.tasks.worker JOB.json`."""

import json
import os
import signal
import sys
from pathlib import Path

from schemas.values import UserError
from storage.files import write_text
from training.mistakes import saying_mistakes

if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    for step in range(1, 4):
        print(f"step {step}/3 loss 0.5 \ud83d".encode(errors="surrogatepass").decode("utf-8", "replace"), flush=True)
    if job["say"] == "fail":
        print("first line\nlast line of the traceback", file=sys.stderr)
        sys.exit(3)
    if job["say"] == "mistake":
        with saying_mistakes(Path(sys.argv[1])):
            raise UserError("micro_batch 3 does not divide\nthe 4 examples of a process")
    if job["say"] == "linger":
        with Path(job["parent"]).open("rb") as pipe:
            Path(job["out"]).write_text(str(os.getpid()))
            pipe.read()  # until the one who started us is gone
        Path(job["out"]).write_text("left")
    elif job["say"] == "wait":
        write_text(Path(job["out"]), str(os.getpid()))
        signal.pause()
    else:
        Path(job["out"]).write_text(f"{job['say']} with {os.environ['OMP_NUM_THREADS']} threads")
