"""What publishing costs over bare pyarrow: the same rows written, copied and scanned both ways, in one run.

Figure: our seconds over pyarrow's, the best of ROUNDS each, in turns. At most 1.3 is what we allow ourselves.

write   our writer, fed with batches from memory, against pyarrow.parquet.write_table with the same compression and
        row groups
copy    counting the rows of an artifact and copying them to a dataset, against reading the same file with pyarrow and
        writing it again
scan    every column of our files, against every column of pyarrow's

    python benchmarks/parquet.py [ROWS]
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq

from schemas.example import EXAMPLES, Example, Media, Option, Provenance, Rating, to_table
from storage.parquet import ROW_GROUP, read_batches, shard_name
from storage.publishing.embedding import Embedding
from storage.publishing.tables import write_splits
from storage.publishing.tally import tally

ROUNDS = 3
ROWS = 100_000
_ROWS_PER_FILE = 20_000
_WORDS = [f"word{number}" for number in range(5_000)]


def main(rows: int) -> None:
    table = make_table(rows)
    print(f"{rows} rows, {table.nbytes / 1e6:.0f} MB in Arrow")
    with tempfile.TemporaryDirectory() as place:
        for name, (ours, bare) in measure(table, Path(place)).items():
            print(f"{name:6} ours {ours:6.2f} s   pyarrow {bare:6.2f} s   ratio {ours / bare:.2f}")


def measure(table: pa.Table, place: Path) -> dict[str, tuple[float, float]]:
    """Seconds by name: ours, and pyarrow's."""
    artifact, ours, bare = place / "artifact", place / "ours", place / "bare.parquet"
    artifact.mkdir()
    pq.write_table(table, artifact / shard_name("examples", 0), compression="zstd", row_group_size=ROW_GROUP)
    batches = table.to_batches(ROW_GROUP)

    def copy() -> None:
        tally(artifact)
        write_splits(read_batches(artifact, "examples"), ours, EXAMPLES, _ROWS_PER_FILE, no_media)

    no_media = Embedding(place, ())
    return {
        "write": best(
            lambda: write_splits(batches, ours, EXAMPLES, _ROWS_PER_FILE, no_media),
            lambda: pq.write_table(table, bare, compression="zstd", row_group_size=ROW_GROUP),
        ),
        "copy": best(copy, lambda: pq.write_table(_read(artifact), bare, compression="zstd", row_group_size=ROW_GROUP)),
        "scan": best(lambda: _read(ours), lambda: _read(bare)),
    }


def best(ours: Callable[[], object], bare: Callable[[], object]) -> tuple[float, float]:
    """The least seconds of each, which take turns so that a slow moment of the machine meets both."""
    seconds = [(_timed(ours), _timed(bare)) for _ in range(ROUNDS)]
    return min(own for own, _ in seconds), min(other for _, other in seconds)


def make_table(rows: int) -> pa.Table:
    """Rows as curation leaves them: a question, options, a scene, reasoning, where they came from, and ratings."""
    draw = random.Random(0)

    def text(words: int) -> str:
        return " ".join(draw.choices(_WORDS, k=words))

    parts = []
    for start in range(0, rows, ROW_GROUP):
        numbers = range(start, min(start + ROW_GROUP, rows))
        parts.append(to_table([_example(number, text) for number in numbers]))
    return pa.concat_tables(parts)


def _example(number: int, text: Callable[[int], str]) -> Example:
    return Example(
        id=f"made/{number}",
        source=f"made{number % 3}",
        source_revision="1",
        source_row=str(number),
        source_id=str(number),
        licence="mit",
        group=f"video-{number // 4}",
        question=text(15),
        options=tuple(Option(label=label, text=text(4)) for label in "ABCD"),
        answer_kind="choice",
        answer="B",
        media=(Media(kind="video", digest=f"{number // 4:064x}", path=f"{number // 4}.mp4", duration=9.5, fps=25.0),),
        subtitles=text(30),
        context=text(80),
        think=text(60),
        provenance=tuple(
            Provenance(field=field, provider="openai", model="m", prompt="rewrite@1", request=f"{number:032x}")
            for field in ("context", "think")
        ),
        ratings=(Rating(name="question_logic", value=0.5, rationale=text(10)),),
        split="validation" if number % 10 == 0 else "train",
    )


def _read(folder: Path) -> pa.Table:
    return pyarrow.dataset.dataset(folder, format="parquet").to_table()


def _timed(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
