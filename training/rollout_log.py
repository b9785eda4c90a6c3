"""What the sampled completions of a run were worth, one row a completion: COMPLETIONS.

Rows are written step by step beside the training checkpoints, each file whole or not there; steps that are
trained again after a kill overwrite theirs with the same bytes. The published table is their concatenation.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.example import Example
from training.scoring import Credit, Draw, Scored

COMPLETIONS = pa.schema(
    [
        pa.field("step", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("trained", pa.bool_(), nullable=False),
        pa.field("rewards", pa.map_(pa.string(), pa.float64()), nullable=False),
        pa.field("advantages", pa.map_(pa.string(), pa.float64()), nullable=False),
    ]
)
"""step: update, from 1, that first learnt from it. trained: it entered the loss. rewards: as given, before
gates; one that is not known is left out. advantages: of each reward in its group, before weights.
"""


def rows(
    step: int,
    examples: Sequence[Example],
    draws: Sequence[Draw],
    scored: Scored,
    credit: Credit,
    trained: list[bool],
) -> pa.Table:
    """COMPLETIONS of one generation; examples one a group."""
    size = len(draws) // len(examples)
    return pa.Table.from_pylist(
        [
            {
                "step": step,
                "id": examples[place // size].id,
                "draw": place % size,
                "text": scored.texts[place].text,
                "tokens": len(draw.ids),
                "truncated": draw.truncated,
                "trained": trained[place],
                "rewards": _known(scored, place),
                "advantages": list(zip(scored.names, credit.rewards[place].tolist(), strict=True)),
            }
            for place, draw in enumerate(draws)
        ],
        schema=COMPLETIONS,
    )


def keep(table: pa.Table, work: Path, step: int, rank: int) -> None:
    """Write one generation's rows of one rank."""
    replace(table, work / "completions" / f"{step:07d}-{rank:04d}.parquet")


def collect(work: Path, out: Path) -> None:
    """Publish all kept rows, by step, then rank, as `completions.parquet`."""
    files = sorted((work / "completions").glob("*.parquet"))
    replace(
        pa.concat_tables([pq.read_table(file, schema=COMPLETIONS) for file in files]),
        out / "completions.parquet",
    )


def replace(table: pa.Table, path: Path) -> None:
    """Write a Parquet file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    pq.write_table(table, temporary)
    temporary.replace(path)


def _known(scored: Scored, place: int) -> list[tuple[str, float]]:
    given = zip(scored.names, scored.scores[place], strict=True)
    return [(name, score.value) for name, score in given if score.value is not None]
