"""The forest plot: every paired difference of one benchmark on one line, with its interval and where zero is."""

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from reporting import notation as n
from reporting.differences import Difference
from reporting.runs import ALL
from reporting.svg import GRID, INK, MUTED, SERIES, Plot, axes, svg_of

_CLAIMED = {"higher": (SERIES[0], "^"), "lower": (SERIES[1], "v")}
_OPEN = (MUTED, "o")
_MOST_LETTERS = 52


def forest_plots(found: Iterable[Difference]) -> tuple[Plot, ...]:
    """One plot a benchmark: its comparisons over all families, downwards in the order given."""
    rows = [row for row in found if row.family == ALL and row.difference.mean is not None]
    benchmarks = dict.fromkeys(row.benchmark for row in rows)
    return tuple(_plot(name, [row for row in rows if row.benchmark == name]) for name in benchmarks)


def _plot(benchmark: str, rows: Sequence[Difference]) -> Plot:
    with axes(0.75 + 0.46 * len(rows)) as drawing:
        for place, row in enumerate(rows):
            _draw(drawing, row, float(place))
        _dress(drawing, len(rows))
        svg = svg_of(drawing, f"forest {benchmark}")
    caption = (
        "Paired difference in points, bar: 95% interval clustered by video. Filled triangle: higher or lower; "
        "open circle: within noise, or too few to say."
    )
    return Plot(name=f"forest {benchmark}", title=benchmark, caption=caption, svg=svg)


def _draw(drawing: Axes, row: Difference, height: float) -> None:
    colour, marker = _CLAIMED.get(row.verdict, _OPEN)
    drawing.plot([0, 0], [height - 0.22, height + 0.28], color=INK, linewidth=1.4)
    low, high, mean = row.difference.low, row.difference.high, row.difference.mean or 0.0
    if low is not None and high is not None:
        drawing.plot([low, high], [height] * 2, color=colour, linewidth=2.2, solid_capstyle="butt")
    face = "none" if marker == "o" else colour
    drawing.plot([mean], [height], color=colour, marker=marker, markersize=7, markerfacecolor=face, linestyle="none")
    label = f"{_short(row.title)}  {n.points(mean)}{' (n < 50)' if row.few else ''}"
    drawing.text(0.0, height - 0.42, label, transform=drawing.get_yaxis_transform(), va="center", fontsize=9.5)


def _dress(drawing: Axes, lines: int) -> None:
    drawing.set_ylim(lines - 0.5, -0.75)
    drawing.set_yticks([])
    drawing.spines["left"].set_visible(False)
    drawing.grid(True, axis="x", color=GRID)
    drawing.xaxis.set_major_formatter(FuncFormatter(lambda value, _: n.points(value).removesuffix(".0")))
    drawing.margins(x=0.04)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
