"""Runs that differ in one number, drawn over each other: one page that asks nothing of the network."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.ticker import MaxNLocator

from reporting.svg import DASHES, SERIES, Plot, axes, legend, svg_of

PANELS = {
    "beta": "KL weight (beta)",
    "kl": "KL from the starting policy, nats a token",
    "reward": "Reward, weighted total",
    "reward/accuracy": "Reward, accuracy",
    "well_formed": "Share of well-formed completions",
    "eval/accuracy": "Accuracy on held-out examples",
}
"""What is drawn where runs log it, in the order of the page."""
_LAST = 0.2
"""Share of the steps at the end whose mean stands in the table: single steps are noise."""
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto}"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}figure{margin:0}"
    "svg{width:100%}th,td{padding:.2rem .8rem;text-align:right}@media(prefers-color-scheme:dark){svg{--ink:#eceef2;"
    "--muted:#a2a8b3;--grid:#3a3f47}}"
)


def sweep_page(title: str, varied: str, runs: Mapping[str, pa.Table]) -> str:
    """HTML with a drawing a metric and a table of where each run ended. runs: metrics (step, name, value) by label."""
    figures = "".join(
        f"<figure><figcaption><b>{escape(plot.title)}</b></figcaption>{plot.svg}</figure>" for plot in sweep_plots(runs)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{_table(varied, runs)}"
        f'<p>The table has means over the last fifth of the steps.</p><div class="plots">{figures}</div></html>\n'
    )


def sweep_plots(runs: Mapping[str, pa.Table]) -> list[Plot]:
    """A drawing for each of PANELS that a run logs, with one line a run."""
    return [_plot(name, runs) for name in _shown(runs)]


def ending(metrics: pa.Table, name: str) -> float:
    """Mean of a metric over the last fifth of the steps; NaN where it was not logged there."""
    steps, values = _curve(metrics, name)
    last = math.ceil((1 - _LAST) * max(metrics["step"].to_pylist()))
    return float(values[steps > last].mean()) if (steps > last).any() else math.nan


def _shown(runs: Mapping[str, pa.Table]) -> Sequence[str]:
    logged = {name for metrics in runs.values() for name in metrics["name"].to_pylist()}
    return [name for name in PANELS if name in logged]


def _table(varied: str, runs: Mapping[str, pa.Table]) -> str:
    shown = _shown(runs)
    head = "".join(f"<th>{escape(title)}</th>" for title in (varied, *(PANELS[name] for name in shown)))
    rows = [
        f"<tr><th>{escape(label)}</th>{''.join(f'<td>{ending(metrics, name):.4g}</td>' for name in shown)}</tr>"
        for label, metrics in runs.items()
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _plot(name: str, runs: Mapping[str, pa.Table]) -> Plot:
    with axes(2.9) as drawing:
        for place, (label, metrics) in enumerate(runs.items()):
            steps, values = _curve(metrics, name)
            style = {"color": SERIES[place % len(SERIES)], "linestyle": DASHES[place % len(DASHES)]}
            drawing.plot(steps, values, label=label, marker="" if len(steps) > 1 else "o", **style)
        drawing.set_xlabel("step")
        drawing.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        legend(drawing, "outside lower left", columns=3)
        return Plot(name=f"sweep {name}", title=PANELS[name], caption="", svg=svg_of(drawing, f"sweep {name}"))


def _curve(metrics: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    found = metrics.filter((pc.field("name") == name) & (pc.field("step") > 0)).sort_by("step")
    return found["step"].to_numpy(), found["value"].to_numpy()
