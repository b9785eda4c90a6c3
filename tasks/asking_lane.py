"""One lane of a stage that asks a language model, as a process: `python -m tasks.asking_lane JOB.json`."""

import sys
from contextlib import closing
from pathlib import Path

from llm.engine import Engine
from storage.store import Store
from tasks.asking import response_log
from tasks.lanes import saying_why
from tasks.rate import RateParams, rate_shard
from tasks.rewrite import RewriteParams, rewrite_shard
from tasks.shards import AskingLane, AskingParams, Work, ask_lane, keep_lost
from training.parent import leave_with

STAGES: dict[str, tuple[type[AskingParams], Work]] = {
    "rewrite": (RewriteParams, rewrite_shard),
    "rate": (RateParams, rate_shard),
}


def main() -> None:
    lane = AskingLane.model_validate_json(Path(sys.argv[1]).read_text())
    leave_with(lane.parent)
    kind, work = STAGES[lane.stage]
    params, runtime = kind.model_validate(lane.params), lane.runtime
    with saying_why(Path(lane.folder)), response_log(runtime, params.llm) as log:
        blobs = Store(runtime.store).blobs
        with closing(Engine(log, blobs, runtime.llm, scope=Path(lane.folder).name)) as engine:
            try:
                ask_lane(lane, engine, params, work)
            finally:
                keep_lost(lane, engine.lost)


if __name__ == "__main__":
    main()
