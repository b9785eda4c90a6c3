"""Matplotlib drawings as SVG that belongs in an HTML page.

The same figure gives the same bytes: no date, ids hashed with a fixed salt and prefixed by the figure's name,
so that many fit on one page. Colours become CSS variables (with themselves as fallback), so that one drawing
serves light, dark and print; text stays text.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from schemas.values import Value

INK, MUTED, GRID = "#1a1c20", "#5f6570", "#dcdfe4"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9")
"""After Okabe and Ito (2008), told apart by the colour-blind; the yellow is darkened to be read on white."""
MARKERS = ("o", "s", "D", "^", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))

WIDTH = 5.0
"""Inches. A drawing is as wide as a phone's column; wider pages put several side by side."""

_VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid"} | {
    colour: f"s{place}" for place, colour in enumerate(SERIES, start=1)
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "contextfirst",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-3, 5),
}


class Plot(Value):
    """One drawing: `svg` is an <svg> element without declaration; title and caption are plain text."""

    name: str
    title: str
    caption: str
    svg: str


@contextmanager
def axes(height: float) -> Iterator[Axes]:
    """Axes of a transparent figure, `height` inches high, in this module's style."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.patch.set_visible(False)
        drawing = figure.add_subplot()
        drawing.patch.set_visible(False)
        yield drawing


def legend(drawing: Axes, place: Any, columns: int) -> None:
    """A legend beside the axes: `place` as matplotlib says it, such as "outside upper left"."""
    _figure(drawing).legend(loc=place, ncols=columns)


def svg_of(drawing: Axes, name: str) -> str:
    """The SVG element of a figure. Call inside `axes`: the style also rules how it is written."""
    buffer = io.StringIO()
    FigureCanvasSVG(_figure(drawing)).print_svg(buffer, metadata={"Date": None})
    return _inline(buffer.getvalue(), re.sub(r"[^A-Za-z0-9]+", "-", name))


def _figure(drawing: Axes) -> Figure:
    figure = drawing.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def _inline(document: str, prefix: str) -> str:
    """Drop what only a file needs (declaration, metadata, namespaces, size) and make ids the figure's own."""
    element = document[document.index("<svg") :].strip()
    element = re.sub(r"\s*<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r"<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<svg \1 aria-hidden="true">', element, count=1)
    element = element.replace("xlink:href=", "href=")
    element = re.sub(r'((?:\sid|\shref)="#?|url\(#)', rf"\g<1>{prefix}-", element)
    for colour, variable in _VARIABLES.items():
        element = element.replace(f": {colour}", f": var(--{variable}, {colour})")
    return element
