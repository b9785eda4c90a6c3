"""Rows by their worth: the rating that each was given, and how often the model to be trained solves it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.values import Value
from tasks.curation.outline import Outline, Verdict, Verdicts


class Band(Value):
    """Solve rates to keep: `above` < rate <= `up_to`, over draws whose accuracy is at least `correct_from`."""

    above: float
    up_to: float
    correct_from: float


def too_poor(rows: Iterable[Outline], least: float) -> Verdicts:
    """Verdicts on rated rows whose quality is under `least`; a row that was never rated stays."""
    return {
        row.id: Verdict("low_quality", f"quality {row.quality:.3f} is under {least:g}")
        for row in rows
        if row.quality is not None and row.quality < least
    }


def outside_band(rows: Iterable[Outline], band: Band, rates: Mapping[str, float]) -> Verdicts:
    """Verdicts on training rows outside the band. Held-out rows are never drawn, and stay."""
    verdicts: Verdicts = {}
    for row in rows:
        if row.split != "train":
            continue
        rate = rates.get(row.id)
        if rate is None:
            verdicts[row.id] = Verdict("no_solve_rate", "no draw of it could be scored")
        elif not band.above < rate <= band.up_to:
            seen = f"solve rate {rate:.2f} outside ({band.above:g}, {band.up_to:g}]"
            verdicts[row.id] = Verdict("outside_band", seen)
    return verdicts


def solved_shares(draws: Iterable[Mapping[str, Any]], correct_from: float) -> dict[str, float]:
    """Share of known draws that solved each question; a question without a known draw is absent."""
    solved: dict[str, list[bool]] = defaultdict(list)
    for draw in draws:
        if draw["value"] is not None:
            solved[draw["id"]].append(draw["value"] >= correct_from)
    return {id: sum(found) / len(found) for id, found in solved.items()}
