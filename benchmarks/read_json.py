"""How fast and in how much memory a large annotation file becomes examples.

    python benchmarks/read_json.py [rows]

260,000 made rows in Video-R1's layout, about 180 MB of JSON, go through ingestion: every row checked, options and
answer normalised, written as Parquet with rejects, table of media and manifest. Baselines, each a process of its own in
the same run: `json.load` and a bare pyarrow write of the same rows, that is of what ingestion writes, from dictionaries
under the same schema; and, harder, of the raw rows as they stand, unchecked. The best of three each. Memory is the
largest resident set of one process; `1,000 rows` is what ingestion needs for its libraries alone.
"""

import random
import subprocess
import sys
import tempfile
from json import dumps
from pathlib import Path
from typing import NamedTuple

ROUNDS = 3

HEAD = """
import json, resource, sys, time
def told(seconds):
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(seconds, most / 1024)
"""

RAW = """
import pyarrow as pa, pyarrow.parquet as pq
began = time.perf_counter()
rows = json.load(open(sys.argv[1]))
pq.write_table(pa.Table.from_pylist(rows), sys.argv[2], compression="zstd")
told(time.perf_counter() - began)
"""

SAME = """
import pyarrow as pa, pyarrow.parquet as pq
from pathlib import Path
from schemas.example import EXAMPLES
from storage.parquet import read_rows
folder = next(Path(sys.argv[2], "ingest").iterdir())
same = list(read_rows(folder, "examples"))
began = time.perf_counter()
rows = json.load(open(sys.argv[1]))
pq.write_table(pa.Table.from_pylist(same, schema=EXAMPLES), sys.argv[3], compression="zstd")
told(time.perf_counter() - began)
"""

INGEST = """
from schemas.runtime import Runtime
from tasks.ingest import ingest
from tasks.reading.blocks import IngestParams
from tasks.source import SourceParams, SourceRuntime, source
folder, store, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
where = SourceRuntime(store=store, workers=workers, folder=folder)
found = source.fn(SourceParams(dataset="video_r1", revision="made"), None, where)
began = time.perf_counter()
params = IngestParams(dataset="video_r1", revision="made", keep_unreadable=True)
ingest.fn(params, found.data, Runtime(store=store, workers=workers))
told(time.perf_counter() - began)
"""


class Figure(NamedTuple):
    """Seconds, and megabytes of the largest process."""

    seconds: float
    memory: float


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 260_000
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "video_r1"), f"{place}/out.parquet"
        folder.mkdir()
        file = folder / "Video-R1-260k.json"
        write_rows(file, rows)
        small = Path(place, "small")
        small.mkdir()
        write_rows(small / file.name, 1000)
        print(f"{rows:,} rows, {file.stat().st_size / 1e6:.0f} MB; best of {ROUNDS}")
        figures: dict[str, list[Figure]] = {}
        for number in range(ROUNDS):
            store = f"{place}/store-{number}"
            runs = {
                "ingest, 2 processes": (INGEST, str(folder), store, "2"),
                "ingest, 1 process": (INGEST, str(folder), f"{place}/alone-{number}", "1"),
                "json.load + pyarrow, same rows": (SAME, str(file), store, out),
                "json.load + pyarrow, raw rows": (RAW, str(file), out),
                "ingest, 1,000 rows": (INGEST, str(small), f"{place}/small-{number}", "2"),
            }
            for name, (program, *arguments) in runs.items():
                figures.setdefault(name, []).append(measured(program, *arguments))
        show(
            {
                name: Figure(min(f.seconds for f in found), max(f.memory for f in found))
                for name, found in figures.items()
            }
        )


def show(best: dict[str, Figure]) -> None:
    ours = best["ingest, 2 processes"].seconds
    for name, figure in best.items():
        print(f"{name:32} {figure.seconds:6.2f} s {figure.memory:6.0f} MB")
    for name in ("same", "raw"):
        base = best[f"json.load + pyarrow, {name} rows"].seconds
        print(f"speed of ingestion with 2 processes, of the baseline with {name} rows: {base / ours:.2f}")


def measured(program: str, *arguments: str) -> Figure:
    command = [sys.executable, "-c", HEAD + program, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, memory = map(float, done.stdout.splitlines()[-1].split())
    return Figure(seconds, memory)


def write_rows(file: Path, count: int) -> None:
    """Rows of the five problem types in their published shares, with words of a made language."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnoprstuvw", k=draw.randint(2, 9))) for _ in range(5000)]
    kinds = {"multiple choice": 0.642, "free-form": 0.147, "numerical": 0.131, "OCR": 0.06, "regression": 0.02}
    types = draw.choices(list(kinds), weights=list(kinds.values()), k=count)

    def text(least: int, most: int) -> str:
        return " ".join(draw.choices(words, k=draw.randint(least, most)))

    def answer(kind: str) -> str:
        if kind == "multiple choice":
            return draw.choice("ABCD")
        if kind in ("numerical", "regression"):
            return f"{draw.uniform(0, 1000):.2f}"
        return text(2, 8)

    with file.open("w") as stream:
        stream.write("[")
        for number, kind in enumerate(types):
            medium = draw.choice(("video", "image"))
            suffix = "mp4" if medium == "video" else "jpg"
            row = {
                "problem_id": number,
                "problem": text(12, 80).capitalize() + "?",
                "data_type": medium,
                "problem_type": kind,
                "options": [f"{label}. {text(2, 14)}" for label in "ABCD"] if kind == "multiple choice" else [],
                "solution": f"<answer>{answer(kind)}</answer>",
                "path": f"./LLaVA-Video-178K/part_{number % 40}/file_{number // 2}.{suffix}",
                "data_source": f"LLaVA-Video-178K/part_{number % 40}",
            }
            stream.write((", " if number else "") + dumps(row))
        stream.write("]")


if __name__ == "__main__":
    main()
