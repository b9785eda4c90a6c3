"""Training by several processes on one machine, with a deadline: what hangs fails."""

import os
import subprocess
import sys
from pathlib import Path

from schemas.training import SftJob


def train_on_ranks(job: SftJob, folder: Path, deadline: float) -> None:
    """Run a job as its stage would, one process a rank. Raises TimeoutExpired past `deadline` seconds."""
    job_file = folder / "job.json"
    job_file.write_text(job.model_dump_json())
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={job.params.world_size}", "-m"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # ninja, for DeepSpeed
    process = subprocess.Popen(
        [sys.executable, "-m", *launcher, "training.sft", str(job_file)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=deadline)
    finally:
        process.terminate()  # the launcher ends its ranks
        process.wait()
    assert process.returncode == 0, said[-4000:]
