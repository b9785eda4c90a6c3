"""The child of `media.probe_pool`: reads paths, one JSON text a line, and answers each with one line of JSON.

Started as `python -m media.probe_worker DEADLINE_SECONDS LONGEST_SECONDS`.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

from media.probe import MachineFault, Probe, Unreadable, probe
from media.probe_pool import READY

_MEMORY = 4 * 1024**3


def main() -> None:
    deadline, longest = map(float, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a decoder prints is no answer
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, deadline)
        answer = _answer(Path(json.loads(line)), longest)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(answer.model_dump_json(), file=answers, flush=True)


def _answer(path: Path, longest: float) -> Probe | Unreadable | MachineFault:
    try:
        return probe(path, longest)
    except OSError as error:
        return MachineFault(errno=error.errno or 0, said=f"{path}: {error.strerror or error}")


if __name__ == "__main__":
    main()
