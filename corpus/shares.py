"""How many questions of which template each source and benchmark holds.

The weights are counts at the default size (420 for training, 330 for the benchmarks) and scale to any other.
The three families have equal shares in the benchmarks, whatever the size.
"""

from collections.abc import Mapping
from typing import TypeVar

from corpus.templates import TEMPLATES, Name

Cell = tuple[str, Name]
Key = TypeVar("Key")

TRAINING: dict[Cell, int] = {
    ("video_r1", "colour"): 44,
    ("video_r1", "direction"): 56,
    ("video_r1", "pitch"): 26,
    ("video_r1", "number"): 8,
    ("video_r1", "colour_at_high"): 8,
    ("video_r1", "colour_at_low"): 8,
    ("social_iq2", "colour"): 16,
    ("social_iq2", "direction"): 18,
    ("social_iq2", "count"): 50,
    ("social_iq2", "colour_at_high"): 30,
    ("social_iq2", "colour_at_low"): 30,
    ("emer", "mood"): 63,
    ("omni_instruct", "colour"): 16,
    ("omni_instruct", "pitch"): 33,
    ("omni_instruct", "count"): 14,
}

BENCHMARKS: dict[Cell, int] = {
    ("intentbench", "colour"): 15,
    ("intentbench", "direction"): 15,
    ("intentbench", "count"): 24,
    ("intentbench", "judge"): 6,
    ("intentbench", "colour_at_high"): 10,
    ("intentbench", "colour_at_low"): 10,
    ("intentbench", "mood"): 30,
    ("daily_omni", "colour"): 20,
    ("daily_omni", "direction"): 20,
    ("daily_omni", "count"): 40,
    ("daily_omni", "colour_at_high"): 15,
    ("daily_omni", "colour_at_low"): 15,
    ("worldsense", "colour"): 20,
    ("worldsense", "direction"): 20,
    ("worldsense", "pitch"): 40,
    ("worldsense", "colour_at_high"): 15,
    ("worldsense", "colour_at_low"): 15,
}


def training_counts(questions: int) -> dict[Cell, int]:
    """Questions of each training cell; they sum to `questions`."""
    return apportion(questions, TRAINING)


def benchmark_counts(questions: int) -> dict[Cell, int]:
    """Questions of each benchmark cell; they sum to `questions`, a third to each family."""
    counts: dict[Cell, int] = {}
    for family, share in apportion(questions, {"joint": 1, "picture": 1, "sound": 1}).items():
        cells = {cell: weight for cell, weight in BENCHMARKS.items() if TEMPLATES[cell[1]].family == family}
        counts |= apportion(share, cells)
    return counts


def apportion(total: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    """Whole numbers that sum to `total` in proportion to the weights, by largest remainder.

    Every key has at least one where `total` allows it.
    """
    floor = 1 if total >= len(weights) else 0
    rest, whole = total - floor * len(weights), sum(weights.values())
    spare = {key: max(0.0, total * weight / whole - floor) for key, weight in weights.items()}
    scale = rest / sum(spare.values()) if sum(spare.values()) else 0.0
    counts = {key: floor + int(share * scale + 1e-9) for key, share in spare.items()}
    short = total - sum(counts.values())
    by_remainder = sorted(weights, key=lambda key: counts[key] - floor - spare[key] * scale)
    return {key: counts[key] + (key in by_remainder[:short]) for key in weights}
