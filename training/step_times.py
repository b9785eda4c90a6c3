"""Where the time of each update goes, in a table of its own.

Equal runs take unequal times, so none of it is published with the checkpoint: each rank writes lines beside its
training checkpoints, and the stage keeps them as `timings.parquet` next to its log, with their means in the manifest.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pyarrow as pa

Part = Literal["decode", "generate", "judge", "log_probs", "evaluate"]
"""decode: media to tensors. generate: completions. judge: waiting for rewards once all else that needs none is done.
log_probs: of the old and the reference model. evaluate: answers to held-out examples. The rest of an update is
`update`: forward, backward and optimizer.
"""

TIMINGS = pa.schema(
    [
        pa.field("step", pa.int32(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("part", pa.string(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
    ]
)


class StepTimes:
    """Takes the times of one rank's updates and appends them to a file, one line an update."""

    def __init__(self, work: Path, rank: int) -> None:
        self._path = work / "timings" / f"{rank:04d}.jsonl"
        self._rank = rank
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._began = time.perf_counter()

    def begin(self) -> None:
        """An update begins."""
        self._spent.clear()
        self._began = time.perf_counter()

    @contextmanager
    def part(self, name: Part) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] += time.perf_counter() - began

    def end(self, step: int) -> None:
        """The update is done: what no part has taken was the update's own."""
        self._spent["update"] = time.perf_counter() - self._began - sum(self._spent.values())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as lines:
            lines.write("\n" + json.dumps({"step": step, "rank": self._rank, "spent": self._spent}))


def timings(work: Path) -> pa.Table:
    """TIMINGS of all ranks. Of an update that was done again after a kill, the last time counts."""
    found: dict[tuple[int, int], dict[str, float]] = {}
    for path in sorted((work / "timings").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            if line.endswith("}}"):  # else its writer was killed on the way
                entry = json.loads(line)
                found[entry["step"], entry["rank"]] = entry["spent"]
    rows = [
        {"step": step, "rank": rank, "part": part, "seconds": seconds}
        for (step, rank), spent in sorted(found.items())
        for part, seconds in sorted(spent.items())
    ]
    return pa.Table.from_pylist(rows, schema=TIMINGS)


def mean_seconds(table: pa.Table) -> dict[str, float]:
    """Seconds an update, by part, as a mean over updates and ranks; milliseconds are the finest that matter."""
    updates = len(set(zip(table["step"].to_pylist(), table["rank"].to_pylist(), strict=True)))
    sums: defaultdict[str, float] = defaultdict(float)
    for part, seconds in zip(table["part"].to_pylist(), table["seconds"].to_pylist(), strict=True):
        sums[part] += seconds
    return {part: round(total / updates, 3) for part, total in sorted(sums.items())}
