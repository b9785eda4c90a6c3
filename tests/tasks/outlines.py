"""Outlines of made examples, and what became of them by row."""

from collections.abc import Sequence

from schemas.example import Example, to_table
from tasks.curation.outline import Outline, Verdicts, outline_of


def outlines(*rows: Example, origin: str = "made") -> list[Outline]:
    """The outlines of examples as the recipe's source `origin` would give them."""
    return [outline_of(origin, row, {}) for row in to_table(rows).to_pylist()]


def reasons_by_row(rows: Sequence[Outline], verdicts: Verdicts) -> dict[str, str]:
    """Why each row leaves, empty for one that stays."""
    assert verdicts.keys() <= {row.id for row in rows}
    return {row.source_row: verdicts[row.id].reason if row.id in verdicts else "" for row in rows}
