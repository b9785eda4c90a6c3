"""`python -m tests.training.grpo.resumed JOB.json`: trains as the stage does, asked by the offline judge.

Kills itself with SIGKILL, as a machine that loses power would end, once the step that its second argument names is
logged: after the step's update, and before its checkpoint is written.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerState

from schemas.training import GrpoJob
from training import grpo
from training.grpo_steps import Progress


class Killed(Progress):
    """A line of progress, and at one of them the end."""

    last = 0

    def on_log(self, args: Any, state: TrainerState, control: Any, **logged: Any) -> None:
        super().on_log(args, state, control, **logged)
        if state.global_step == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Killed.last = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    grpo.Progress = Killed
    grpo.main(GrpoJob.model_validate_json(Path(sys.argv[1]).read_text()))
