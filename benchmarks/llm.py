"""What asking a language model costs: our engine against the bare loops that lose everything when they die.

    python -m benchmarks.llm [--rows 20000[,50000]] [--latency 0.2] [--in-flight 256] [--only NAME[,NAME]]
                             [--faults 0.05] [--pairs 3] [--json FILE]

One server on loopback plays the vendor (`tests.llm.vendors`): prompts of 1 KB, answers of 0.8 KB, latency lognormal
around the median and the same for each row whoever asks. Each client is a process of its own that reads Parquet and
writes Parquet, timed from its start until it is gone; in turns, so that a slow moment of the machine meets all.

aiohttp, openai, gemini   a bare loop over aiohttp, over the SDK of OpenAI (aiohttp transport), over that of Gemini
engine over ...           examples through tasks.shards.map_shards, each answer in the durable log, examples out

Speed is of the whole process. CPU is user and system time, memory the largest resident set, of the process and its
children. "of" is the median share of a baseline's speed in the same round. With --faults, that share of attempts
fails, half with 429 and half with 500, and "slower" is the time against the same run without faults.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

PROGRAMS = {
    "aiohttp": ("benchmarks.llm_loops", "aiohttp"),
    "openai": ("benchmarks.llm_loops", "openai"),
    "gemini": ("benchmarks.llm_loops", "gemini"),
    "engine over openai": ("benchmarks.llm_engine", "openai"),
    "engine over gemini": ("benchmarks.llm_engine", "gemini"),
}
BASELINES = ("aiohttp", "openai", "gemini")


class Run(NamedTuple):
    """seconds: from start to gone. cpu: seconds. memory: MB. seen: what the server counted."""

    name: str
    rows: int
    faults: float
    round: int
    seconds: float
    cpu: float
    memory: float
    lost: int
    seen: dict[str, Any]

    @property
    def speed(self) -> float:
        return self.rows / self.seconds


def main() -> None:
    asked = _arguments()
    runs = list(measured(asked))
    print(f"Median latency {asked.latency:g} s, {asked.in_flight} in flight, rounds: {asked.pairs}\n")
    print(table(runs))
    if asked.json:
        asked.json.write_text(json.dumps([run._asdict() for run in runs], indent=1))


def measured(asked: argparse.Namespace) -> Iterator[Run]:
    """Every client in turn, forwards and backwards."""
    names = [name for name in PROGRAMS if not asked.only or name in asked.only]
    kinds: list[tuple[int, float]] = [(rows, share) for rows in asked.rows for share in sorted({0.0, asked.faults})]
    with tempfile.TemporaryDirectory() as place, server(asked.in_flight, asked.latency) as address:
        for rows in asked.rows:
            subprocess.run([sys.executable, "-m", "benchmarks.llm_rows", f"{place}/{rows}", str(rows)], check=True)
        for number, (rows, share) in product(range(asked.pairs), kinds):
            control(address, behaviour={"faults": {"overloaded": share / 2, "error": share / 2}})
            for name in names[:: -1 if number % 2 else 1]:
                control(address, reset=True)
                run = timed(name, rows, share, number, address, Path(place), asked.in_flight)
                print(f"{name}: {run.seconds:.2f} s", file=sys.stderr)
                yield run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=lambda text: [int(one) for one in text.split(",")], default=[20_000])
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if unknown := set(asked.only) - PROGRAMS.keys():
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(PROGRAMS)}")
    return asked


@contextmanager
def server(slots: int, latency: float) -> Iterator[str]:
    """Its address, while it runs as a process of its own."""
    behaviour = json.dumps({"seed": 1, "latency": latency, "slots": slots})
    command = [sys.executable, "-m", "tests.llm.vendors.server", "--behaviour", behaviour]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


def control(address: str, **wanted: object) -> dict[str, Any]:
    request = urllib.request.Request(f"{address}/control", json.dumps(wanted).encode() if wanted else None)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def timed(name: str, rows: int, share: float, number: int, address: str, place: Path, in_flight: int) -> Run:
    module, client = PROGRAMS[name]
    out = place / f"{name} {rows} {share} {number}"
    began = time.perf_counter()
    command = [sys.executable, "-m", module, client, address, str(place / str(rows)), str(out), str(in_flight)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}: the figures would be of something else")
    lost = json.loads(told.splitlines()[-1])["lost"]
    cpu = used.ru_utime + used.ru_stime
    return Run(name, rows, share, number, seconds, cpu, used.ru_maxrss / 1024, lost, control(address))


def table(runs: list[Run]) -> str:
    """Medians over the rounds, as Markdown."""
    shown = [name for name in BASELINES if any(run.name == name for run in runs)]
    head = ["client", "rows", "faults", "rows/s", *(f"of {name}" for name in shown)]
    head += ["slower", "CPU s / 1,000", "MB", "lost", "asked twice"]
    kinds = dict.fromkeys((run.rows, run.faults, run.name) for run in runs)
    lines = [head, ["---"] * len(head)]
    for rows, share, name in sorted(kinds, key=lambda kind: (*kind[:2], list(PROGRAMS).index(kind[2]))):
        found = [run for run in runs if (run.rows, run.faults, run.name) == (rows, share, name)]
        lines.append(
            [name, f"{rows:,}", f"{share:.0%}", f"{median(run.speed for run in found):,.0f}"]
            + [_percent(ratio(found, runs, other, share)) for other in shown]
            + [f"{1 / ratio(found, runs, name, 0.0):.2f}" if share else "", f"{median(map(_cost, found)):.2f}"]
            + [f"{max(run.memory for run in found):.0f}"]
            + [f"{sum(run.lost for run in found)}", f"{sum(run.seen['repeats'] for run in found)}"]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratio(found: list[Run], runs: list[Run], other: str, share: float) -> float:
    """Median of the speeds over those of another client, or of the same without faults, in the same round."""
    speeds = {(run.rows, run.round): run.speed for run in runs if (run.name, run.faults) == (other, share)}
    return median(run.speed / speeds[run.rows, run.round] for run in found)


def _cost(run: Run) -> float:
    return run.cpu / run.rows * 1000


def _percent(share: float) -> str:
    return f"{share:.0%}"


if __name__ == "__main__":
    main()
