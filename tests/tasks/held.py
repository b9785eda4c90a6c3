"""A stage that a second process holds: `python -m tests.tasks.held STORE` writes one shard and waits for its input."""

import sys

from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.files import whole_file
from tasks.stage import stage


class HeldParams(Params):
    seed: int = 0


@stage(version="1", kind="folder")
def held(draft: Draft, params: HeldParams, runtime: Runtime) -> None:
    """Three shards; in the second process, half of the second is written when it says `holding`."""
    for number in range(3):
        shard = draft.folder / f"shard-{number}.txt"
        if shard.exists():
            continue
        with whole_file(shard) as temporary:
            temporary.write_text(f"shard {number} of")
            if number == 1 and __name__ == "__main__":
                print("holding", flush=True)
                sys.stdin.read()
            temporary.write_text(f"shard {number} of seed {params.seed}")
        draft.notes[f"shard {number}"] = "written by this run"


if __name__ == "__main__":
    held(HeldParams(), Runtime(store=sys.argv[1]))
