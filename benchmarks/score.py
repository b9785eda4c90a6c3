"""How fast, and in how much memory, a file of predictions made elsewhere is scored.

    python -m benchmarks.score [predictions]

Made predictions in IntentBench's layout, each with its publisher's row, its context and its reasoning, go through
`contextfirst score` in a process of its own: JSON Lines, a million by default (about 2 GB in the system's temporary
folder). Beside it the same for a tenth of them and for as many as IntentBench has, so that what grows with the file
shows. Memory is the largest resident set of the process.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from json import dumps
from pathlib import Path
from typing import NamedTuple

PROGRAM = """
import resource, sys, time
began = time.perf_counter()
from flows import cli
sys.argv = ["contextfirst", "score", "--benchmark", "intentbench", "--predictions", sys.argv[1]]
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code, ended.code
used = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
TYPES = ("why", "how", "what", "when", "who/which", "other")


class Figure(NamedTuple):
    """Seconds with start-up, those of the processor, and megabytes."""

    seconds: float
    processor: float
    memory: float


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        for count in (2689, max(1, most // 10), most):
            file = Path(place, f"{count}.jsonl")
            write_predictions(file, count)
            found = measured(file)
            size = file.stat().st_size / 1e6
            print(
                f"{count:9,} predictions, {size:6.0f} MB: {found.seconds:6.1f} s, {found.processor:6.1f} s of CPU, "
                f"{count / found.seconds:6.0f} a second, {found.memory:5.0f} MB"
            )


def measured(file: Path) -> Figure:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file)], check=True, capture_output=True, text=True)
    return Figure(*map(float, done.stdout.splitlines()[-1].split()))


def write_predictions(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(dumps(item) + "\n" for item in predictions(count))


def predictions(count: int) -> Iterator[dict[str, object]]:
    """Items in the published mix of problem types, four questions a video, in words of a made language."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnoprstuvw", k=draw.randint(2, 9))) for _ in range(2000)]

    def text(length: int) -> str:
        return " ".join(draw.choices(words, k=length))

    for number in range(count):
        kind = draw.choices(("multiple choice", "emer_ov_mc", "judge"), (0.876, 0.05, 0.074))[0]
        labels = {"multiple choice": "ABCD", "emer_ov_mc": "ABCDEF", "judge": ""}[kind]
        gold, said = (
            draw.choice(("Yes", "No"))
            if kind == "judge"
            else ",".join(sorted(draw.sample(labels, 1 + (kind[0] == "e"))))
            for _ in range(2)
        )
        raw = {
            "problem": text(10),
            "options": [f"{label}.{text(9)}" for label in labels],
            "Type": {"emer_ov_mc": "emotion", "judge": "deception"}.get(kind) or draw.choice(TYPES),
            "video": f"clip-{number // 4}.mp4",
        }
        yield {
            "qid": f"clip-{number // 4}_q{number % 4}",
            "output": f"<context>{text(60)}</context><think>{text(60)}</think><answer>{said}</answer>",
            "solution": f"<answer>{gold}</answer>",
            "problem_type": kind,
            "raw": raw,
            "load_error": draw.random() < 0.001,
        }


if __name__ == "__main__":
    main()
