"""The child of `media.probe_pool`: is asked about paths, and answers each with a probe.

Started as `python -m media.probe_worker DEADLINE_SECONDS LONGEST_SECONDS`.
"""

import sys
from pathlib import Path

from media.probe import MachineFault, Probe, Unreadable, probe
from media.worker import serve

_MEMORY = 4 * 1024**3


def main() -> None:
    deadline, longest = map(float, sys.argv[1:])
    serve(lambda path: _answer(Path(path), longest).model_dump_json(), deadline, _MEMORY)


def _answer(path: Path, longest: float) -> Probe | Unreadable | MachineFault:
    try:
        return probe(path, longest)
    except OSError as error:
        return MachineFault(errno=error.errno or 0, said=f"{path}: {error.strerror or error}")


if __name__ == "__main__":
    main()
