"""What the sampled completions of a run were worth, one row a completion: COMPLETIONS.

Rows are written step by step beside the training checkpoints, each file whole or not there; steps that are
trained again after a kill overwrite theirs with the same bytes. The published table is their concatenation.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.example import Example
from training.credit import Floats
from training.scoring import Draw, Scored

COMPLETIONS = pa.schema(
    [
        pa.field("step", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("stand_in", pa.int32(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("well_formed", pa.bool_(), nullable=False),
        pa.field("trained", pa.bool_(), nullable=False),
        pa.field("rewards", pa.map_(pa.string(), pa.float64()), nullable=False),
        pa.field("parts", pa.map_(pa.string(), pa.float64()), nullable=False),
        pa.field("unknown", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("advantages", pa.map_(pa.string(), pa.float64()), nullable=False),
    ]
)
"""step: update, from 1, that first learnt from it. kind: of answer. stand_in: 0 for a prompt of the plan, else the
round in which it took the place of one that taught nothing. trained: it entered the loss. rewards: as given, before
gates; one that is not known is left out, and `unknown` says why. parts: what a reward is made of, as `reward/part`.
advantages: of each reward in its group, before weights; none for a group that made room for another.
"""


class Learnt(NamedTuple):
    """What an update made of one group: advantages (G, R) by reward, and (G,) which completions entered the loss."""

    advantages: Floats
    trained: Sequence[bool]


def rows(
    step: int, example: Example, stand_in: int, draws: Sequence[Draw], scored: Scored, learnt: Learnt | None
) -> Iterable[dict[str, Any]]:
    """COMPLETIONS of one group. learnt: None for one that made room for another."""
    for place, draw in enumerate(draws):
        scores = dict(zip(scored.names, scored.scores[place], strict=True))
        known = {name: score for name, score in scores.items() if score.value is not None}
        yield {
            "step": step,
            "id": example.id,
            "kind": example.answer_kind,
            "stand_in": stand_in,
            "draw": place,
            "text": scored.texts[place].text,
            "tokens": len(draw.ids),
            "truncated": draw.truncated,
            "well_formed": not scored.rollouts[place].completion.errors,
            "trained": learnt is not None and learnt.trained[place],
            "rewards": [(name, score.value) for name, score in known.items()],
            "parts": [(f"{name}/{part}", value) for name in scores for part, value in scores[name].parts.items()],
            "unknown": [(name, score.reason) for name, score in scores.items() if name not in known],
            "advantages": list(zip(scored.names, learnt.advantages[place].tolist(), strict=True)) if learnt else [],
        }


def keep(found: Iterable[dict[str, Any]], work: Path, step: int, rank: int) -> None:
    """Write one generation's rows of one rank."""
    table = pa.Table.from_pylist(list(found), schema=COMPLETIONS)
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
