"""Rows a second and memory from a thousand rows to a million, with one worker and with two.

Made rows in Video-R1's layout, four questions a video, go through ingestion and curation, and up to --rewritten of them
through rewriting by the offline provider, which costs the pipeline's own overhead and nothing else. Each size is a
process of its own. Rows have no media: probing has a benchmark of its own (`benchmarks.probe_scaling`), and rewriting
sees them without the missing files. Two workers are the executor `processes`; curation is one process always.

us/row and CPU us/row are what a row costs beyond the smallest size, (seconds - those there) / (rows - those there), by
the clock and in CPU time of all processes, which other work on the machine changes less; neither should rise.
Memory is the largest sum over the process and its children, in MiB; a page that they share counts in each.

    python -m benchmarks.scale [--rows 1000 10000 100000 1000000] [--workers 1 2] [--rewritten 100000]
"""

import argparse
import contextlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from schemas.artifact import Artifact
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import read_examples, shard_name, write_examples
from storage.store import Store
from tasks.curate import CurateParams, curate
from tasks.ingest import ingest
from tasks.reading.blocks import IngestParams
from tasks.rewrite import RewriteParams, rewrite
from tasks.source import SourceParams, SourceRuntime, source
from tasks.stage import stage
from tests.stages import made

_ROOT = Path(__file__).resolve().parent.parent
_WORDS = [f"word{number}" for number in range(20_000)]
_A_VIDEO = 4
_LOOK_SECONDS = 0.05


class Figure(NamedTuple):
    """One stage at one size. seconds: by the clock; cpu: of all processes, in seconds too."""

    stage: str
    rows: int
    workers: int
    seconds: float
    cpu: float
    mebibytes: float


class Stripped(Params):
    """split: that all rows get."""

    split: Literal["train"] = "train"


@stage(version="1", kind="examples")
def without_media(draft: Draft, params: Stripped, examples: Artifact, runtime: Runtime) -> None:
    changed = {"media": (), "split": params.split}
    rows = read_examples(Store(runtime.store).folder(examples))
    place = draft.folder / shard_name("examples", 0)
    draft.entered = draft.left = write_examples(place, (row.model_copy(update=changed) for row in rows))


def publish_rows(folder: Path, rows: int) -> None:
    """A dataset of so many rows as its publisher would lay it out, without its clips."""
    draw = random.Random(rows)
    with (folder / "Video-R1-COT-165k.json").open("w") as file:
        for number in range(rows):
            file.write(",\n" if number else "[\n")
            json.dump(_row(number, draw), file)
        file.write("\n]\n")


def _row(number: int, draw: random.Random) -> dict[str, object]:
    words = draw.choices(_WORDS, k=24)
    return {
        "problem_id": number,
        "problem": f"Which of them {' '.join(words[:12])}?",
        "data_type": "video",
        "problem_type": "multiple choice",
        "options": [f"{label}. {word}" for label, word in zip("ABCD", words[12:16], strict=True)],
        "process": f"<think>First {' '.join(words[16:])}.</think>",
        "solution": f"<answer>{draw.choice('ABCD')}</answer>",
        "path": f"clips/{number // _A_VIDEO}.mp4",
        "data_source": "made",
    }


def measure(folder: Path, rows: int, workers: int, rewritten: int) -> Iterator[Figure]:
    """The stages of one size, in this process."""
    publish_rows(folder, rows)
    executor = "processes" if workers > 1 else "local"
    runtime = Runtime(store=str(folder / "store"), workers=workers, executor=executor, llm=LlmLimits(concurrency=64))
    where = SourceRuntime(**runtime.model_dump(), folder=str(folder))
    listed = made(source.fn(SourceParams(dataset="video_r1", revision="made", files=("*.json",)), None, where))
    reading = IngestParams(dataset="video_r1", revision="made", keep_unreadable=True)
    artifacts: dict[str, Artifact] = {}

    def timed(name: str, work: Callable[[], object]) -> Figure:
        with _memory() as most:
            began, used = time.monotonic(), _cpu_seconds()
            artifacts[name] = made(work())
            return Figure(name, rows, workers, time.monotonic() - began, _cpu_seconds() - used, most[0] / 1024**2)

    yield timed("ingest", lambda: ingest.fn(reading, listed, runtime))
    yield timed("curate", lambda: curate.fn(CurateParams(), {"made": artifacts["ingest"]}, {}, None, runtime))
    if rows <= rewritten:
        bare = made(without_media(Stripped(), artifacts["ingest"], runtime))
        writing = RewriteParams(llm=Llm(provider="offline", model="rules-1"), rows_per_shard=256, max_reject_share=1)
        yield timed("rewrite", lambda: rewrite.fn(writing, bare, runtime))


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


@contextlib.contextmanager
def _memory() -> Iterator[list[int]]:
    """The most bytes that this process and its children have held since."""
    most, ended = [0], threading.Event()

    def look() -> None:
        this = psutil.Process()
        while not ended.wait(_LOOK_SECONDS):
            total = this.memory_info().rss
            for child in this.children(recursive=True):
                with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                    total += child.memory_info().rss
            most[0] = max(most[0], total)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield most
    finally:
        ended.set()
        watching.join()


def _apart(rows: int, workers: int, rewritten: int) -> list[Figure]:
    """The figures of one size, taken in a new process."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.scale",
        "--rewritten",
        str(rewritten),
        "--one",
        str(rows),
        str(workers),
    ]
    said = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    figures = [Figure(*json.loads(line)) for line in said.splitlines() if line.startswith("[")]
    print(*figures, sep="\n", file=sys.stderr, flush=True)
    return figures


def _lines(figures: list[Figure]) -> Iterator[str]:
    yield "| stage | workers | rows | seconds | rows/s | us/row | CPU us/row | MiB |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    least = {(one.stage, one.workers): one for one in reversed(figures)}
    for one in sorted(figures, key=lambda one: (one.stage, one.workers, one.rows)):
        first = least[one.stage, one.workers]
        yield (
            f"| {one.stage} | {one.workers} | {one.rows:,} | {one.seconds:.1f} | {one.rows / one.seconds:,.0f} | "
            f"{_each(one.seconds - first.seconds, one, first)} | {_each(one.cpu - first.cpu, one, first)} | "
            f"{one.mebibytes:.0f} |"
        )


def _each(seconds: float, one: Figure, first: Figure) -> str:
    """Microseconds of each row more."""
    return f"{seconds / (one.rows - first.rows) * 1e6:.0f}" if one.rows > first.rows else ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rewritten", type=int, default=100_000, help="rewrite where there are at most so many rows")
    parser.add_argument("--one", type=int, nargs=2, metavar=("ROWS", "WORKERS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        with tempfile.TemporaryDirectory() as folder:
            for figure in measure(Path(folder), given.one[0], given.one[1], given.rewritten):
                print(json.dumps(figure), flush=True)
        return
    sizes = [(rows, workers) for rows in sorted(given.rows) for workers in given.workers]
    print(*_lines([figure for size in sizes for figure in _apart(*size, given.rewritten)]), sep="\n")


if __name__ == "__main__":
    main()
