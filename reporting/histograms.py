"""How ratings and lengths are spread over the rated rows: those chosen for training and those left out, stacked.

Ratings come in tenths and have a bar each. Lengths are in words, as spaces part them; the longest hundredth of the
rows stands in the last bar, so that one endless text does not flatten all others.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reporting.notation import count
from reporting.svg import INK, SERIES, Plot, axes, legend, svg_of
from schemas.values import Value

COMPOSITE = "composite"
WORDS = "words"
_TENTHS = np.linspace(-0.05, 1.05, 12)
_TWENTIETHS = np.linspace(0, 1, 21)
_BARS = 20


class Histogram(Value):
    """Rows between edges. chosen, left_out: one count a bar. The last bar of a length holds what is longer, too."""

    measure: str
    edges: tuple[float, ...]
    chosen: tuple[int, ...]
    left_out: tuple[int, ...]
    median: float
    most: float


def histograms(rows: Iterable[tuple[Mapping[str, float], bool]]) -> tuple[Histogram, ...]:
    """One histogram a measure, of the rows that have it. A row: its measures by name, and whether it was chosen.

    A measure named "... words" is a length; all others go from 0 to 1.
    """
    columns: dict[str, list[tuple[float, bool]]] = {}
    for measures, chosen in rows:
        for name, value in measures.items():
            columns.setdefault(name, []).append((value, chosen))
    return tuple(_histogram(name, *map(np.asarray, zip(*pairs, strict=True))) for name, pairs in columns.items())


def histogram_plot(found: Histogram, threshold: float) -> Plot:
    """The drawing of one histogram; the threshold is drawn over the composite, whose rows it sorts."""
    least = threshold if found.measure == COMPOSITE else 0.0
    with axes(2.3) as drawing:
        _draw_bars(drawing, found)
        if least:
            drawing.axvline(least, color=INK, linestyle="--", linewidth=1.4, label=f"threshold {least:g}")
        drawing.set_ylabel("rows")
        drawing.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        drawing.grid(axis="x", visible=False)
        if any(found.left_out) or least:
            legend(drawing, "outside lower left", columns=3)
        svg = svg_of(drawing, f"histogram {found.measure}")
    return Plot(name=f"histogram {found.measure}", title=_title(found.measure), caption=_caption(found), svg=svg)


def _histogram(measure: str, values: np.ndarray, chosen: np.ndarray) -> Histogram:
    edges = _edges(measure, values)
    within = np.minimum(values, edges[-2]) if _is_length(measure) else values
    return Histogram(
        measure=measure,
        edges=tuple(edges.tolist()),
        chosen=tuple(np.histogram(within[chosen], edges)[0].tolist()),
        left_out=tuple(np.histogram(within[~chosen], edges)[0].tolist()),
        median=float(np.median(values)),
        most=float(values.max()),
    )


def _edges(measure: str, values: np.ndarray) -> np.ndarray:
    if not _is_length(measure):
        return _TWENTIETHS if measure == COMPOSITE else _TENTHS
    width = max(1, math.ceil((np.quantile(values, 0.99) + 1) / _BARS))
    return np.arange(0, width * (_BARS + 1), width, dtype=float)


def _draw_bars(drawing: Axes, found: Histogram) -> None:
    """Chosen rows below, the others hatched on top of them: told apart in grey, too."""
    starts, widths = found.edges[:-1], np.diff(found.edges) * 0.88
    drawing.bar(starts, found.chosen, widths, align="edge", color=SERIES[0], label="chosen")
    if any(found.left_out):
        look = {"color": "none", "edgecolor": SERIES[1], "hatch": "////", "linewidth": 0.8}
        drawing.bar(starts, found.left_out, widths, bottom=found.chosen, align="edge", label="left out", **look)


def _is_length(measure: str) -> bool:
    return measure.endswith(WORDS)


def _title(measure: str) -> str:
    return measure.replace("_", " ").capitalize()


def _caption(found: Histogram) -> str:
    rows = count(sum(found.chosen) + sum(found.left_out))
    if _is_length(found.measure):
        return f"{rows} rows, median {found.median:.0f}, longest {count(int(found.most))}"
    return f"{rows} rows, median {found.median:.2f}"
