"""Made-up scores for the tests of reporting."""

import pyarrow as pa

from schemas.tables import SCORES


def score(id: str, **changes: object) -> dict[str, object]:
    """One row of SCORES: a right answer to a four-way choice, unless told otherwise."""
    row: dict[str, object] = {
        "id": id,
        "draw": 0,
        "benchmark": "made",
        "group": f"video {id}",
        "family": "sound",
        "category": "pitch",
        "answer_kind": "choice",
        "gold": "A",
        "given": "A",
        "outcome": "answered",
        "value": 1.0,
        "chance": 0.25,
        "well_formed": True,
        "tokens": 30,
        "consistent": None,
        "rewards": [("format", 1.0), ("accuracy", 1.0)],
    }
    return row | changes


def scores(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCORES)
