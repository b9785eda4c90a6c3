"""The report's figures: accuracy with intervals by family, rewards with intervals, and training curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reporting.accuracy import Accuracy
from reporting.intervals import Interval
from reporting.rewards import RewardSummary
from reporting.runs import ALL
from reporting.svg import DASHES, GRID, INK, MARKERS, SERIES, Plot, axes, legend, svg_of

_PANELS = {
    "loss": "Loss",
    "mean_token_accuracy": "Token accuracy",
    "reward": "Reward",
    "kl": "KL from the starting policy",
    "beta": "KL weight (beta)",
    "tokens": "Completion length, tokens",
    "well_formed": "Share of completions",
    "truncated": "Share of completions",
    "silent": "Share of groups without a signal",
    "groups": "Groups drawn, by kind of answer",
    "unknown": "Rewards not known",
    "eval": "Held-out examples",
    "entropy": "Entropy, nats a token",
    "clipped": "Share of clipped tokens",
    "grad_norm": "Gradient norm",
    "learning_rate": "Learning rate",
}
"""The panel of each metric, in the order of the page; "reward/format" goes where "reward" goes."""
_SMOOTH_FROM = 40
_MOST_LETTERS = 48


@dataclass(frozen=True)
class TrainingLog:
    """The metrics of one training run: a table of step (int), name and value, one row a logged value.

    "reward/format" is drawn in the panel of "reward" as "format". Step 0 holds facts, and is no curve.
    """

    name: str
    title: str
    metrics: pa.Table


@dataclass(frozen=True)
class _Dot:
    label: str
    interval: Interval


@dataclass(frozen=True)
class _Block:
    """A heading with one dot a run under it, and where chance stands."""

    title: str
    dots: tuple[_Dot, ...]
    chance: float | None = None


def accuracy_plots(found: Sequence[Accuracy]) -> tuple[Plot, ...]:
    """One dot plot a benchmark: families downwards, runs within a family, chance as a dashed line."""
    benchmarks = dict.fromkeys(row.benchmark for row in found)
    return tuple(_accuracy_plot(name, [row for row in found if row.benchmark == name]) for name in benchmarks)


def reward_plot(found: Sequence[RewardSummary]) -> Plot:
    """Mean reward of each run with its interval: the total, then each reward by name."""
    names = [part.name for part in (found[0].total, *found[0].parts)] if found else []
    blocks = [
        _Block(name, tuple(_Dot(run.title, (run.total, *run.parts)[place].mean) for run in found))
        for place, name in enumerate(names)
    ]
    caption = "Mean over completions, with the 95% interval clustered by video."
    return Plot(name="rewards", title="Mean reward", caption=caption, svg=_dot_plot("rewards", blocks, False))


def training_curves(log: TrainingLog) -> tuple[Plot, ...]:
    """One plot a panel, known metrics first. Raises ValueError when a column is missing."""
    if missing := {"step", "name", "value"} - set(log.metrics.column_names):
        raise ValueError(f"the metrics of training {log.name!r} have no column {sorted(missing)}")
    metrics = log.metrics.filter(pc.field("step") > 0)
    names = sorted(set(metrics["name"].to_pylist()), key=_place)
    panels: dict[str, list[str]] = {}
    for name in names:
        panels.setdefault(_PANELS.get(_family(name), _family(name)), []).append(name)
    return tuple(_curves(log.name, metrics, title, panels[title]) for title in panels)


def _family(name: str) -> str:
    return name.split("/")[0]


def _place(name: str) -> tuple[int, str]:
    known = list(_PANELS)
    return (known.index(_family(name)) if _family(name) in known else len(known), name)


def _accuracy_plot(benchmark: str, found: Sequence[Accuracy]) -> Plot:
    families = sorted({row.family for row in found} - {ALL})
    blocks = []
    for family in [ALL, *families]:
        rows = [row for row in found if row.family == family]
        title = "all families" if family == ALL else family
        dots = tuple(_Dot(row.title, row.accuracy) for row in rows)
        blocks.append(_Block(title, dots, next((row.chance for row in rows), None)))
    caption = "Accuracy over scored questions; bar: 95% interval clustered by video; dashed: chance."
    name = f"accuracy {benchmark}"
    return Plot(name=name, title=benchmark, caption=caption, svg=_dot_plot(name, blocks, True))


def _dot_plot(name: str, blocks: Sequence[_Block], percent: bool) -> str:
    runs = list(dict.fromkeys(dot.label for block in blocks for dot in block.dots))
    lines = sum(1.35 + len(block.dots) for block in blocks)
    with axes(0.7 + 0.215 * (lines + 1.1 * len(runs))) as drawing:
        place = 0.0
        for block in blocks:
            place = _draw_block(drawing, block, place, runs)
        drawing.set_ylim(place - 0.1, -0.7)
        _dot_axes(drawing, runs, percent)
        return svg_of(drawing, name)


def _draw_block(drawing: Axes, block: _Block, place: float, runs: Sequence[str]) -> float:
    """Draw from height `place` downwards; returns where the next block starts."""
    drawing.text(
        0.0,
        place,
        _short(block.title),
        transform=drawing.get_yaxis_transform(),
        va="center",
        fontweight="bold",
        fontsize=10.5,
    )
    end = place + len(block.dots)
    for line, dot in enumerate(block.dots, start=1):
        _draw_dot(drawing, dot.interval, place + line, runs.index(dot.label))
    if block.chance is not None:
        drawing.plot([block.chance] * 2, [place + 0.5, end + 0.5], color=INK, linewidth=1.2, linestyle=(0, (3, 2)))
    return end + 1.35


def _draw_dot(drawing: Axes, interval: Interval, height: float, run: int) -> None:
    if interval.mean is None:
        return
    colour, marker = _look(run)
    if interval.low is not None and interval.high is not None:
        drawing.plot([interval.low, interval.high], [height] * 2, color=colour, linewidth=2.2, solid_capstyle="butt")
    drawing.plot([interval.mean], [height], color=colour, marker=marker, markersize=6, linestyle="none")


def _look(run: int) -> tuple[str, str]:
    """Colour and marker: no two of the first 36 runs share both, and those of one colour differ in shape."""
    return SERIES[run % len(SERIES)], MARKERS[(run + run // len(SERIES)) % len(MARKERS)]


def _dot_axes(drawing: Axes, runs: Sequence[str], percent: bool) -> None:
    drawing.set_yticks([])
    drawing.spines["left"].set_visible(False)
    drawing.grid(True, axis="x", color=GRID)
    if percent:
        drawing.set_xlim(-0.01, 1.01)
        drawing.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        drawing.set_xlim(left=0)
        drawing.xaxis.set_major_locator(MaxNLocator(6))
    for place, title in enumerate(runs):
        colour, marker = _look(place)
        drawing.plot([], [], color=colour, marker=marker, linewidth=2.2, label=_short(title))
    legend(drawing, "outside upper left", columns=1)


def _curves(log: str, metrics: pa.Table, title: str, names: Sequence[str]) -> Plot:
    steps, labels, values = (metrics[name].to_numpy() for name in ("step", "name", "value"))
    with axes(2.5 + (0.19 * math.ceil(len(names) / 2) if len(names) > 1 else 0)) as drawing:
        for place, name in enumerate(names):
            mine = (labels == name) & np.isfinite(values)
            order = np.argsort(steps[mine], kind="stable")
            _draw_curve(drawing, place, steps[mine][order], values[mine][order], _short(_label(name)))
        drawing.set_xlabel("step")
        if drawing.dataLim.height == 0:
            drawing.set_ylim(min(0.0, drawing.dataLim.y0) - 0.05, max(1.0, drawing.dataLim.y0) + 0.05)
        drawing.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        if len(names) > 1:
            legend(drawing, "outside lower left", columns=2)
        svg = svg_of(drawing, f"{log} {title}")
    return Plot(name=f"{log} {title}", title=title, caption="", svg=svg)


def _draw_curve(drawing: Axes, place: int, steps: np.ndarray, values: np.ndarray, label: str) -> None:
    """Draw one metric; a noisy one faintly, under its running mean over a tenth of the steps, where that is whole."""
    style = {"color": SERIES[place % len(SERIES)], "linestyle": DASHES[place % len(DASHES)]}
    if not _noisy(values):
        drawing.plot(steps, values, label=label, marker="" if len(values) > 1 else "o", **style)
        return
    reach = math.ceil(len(values) / 20)
    means = np.convolve(values, np.full(2 * reach + 1, 1 / (2 * reach + 1)), mode="valid")
    drawing.plot(steps, values, color=style["color"], linewidth=0.7, alpha=0.45)
    drawing.plot(steps[reach:-reach], means, label=label, **style)


def _noisy(values: np.ndarray) -> bool:
    """Whether the way up and down is far longer than the range: schedules and smooth curves stay as they are."""
    return len(values) >= _SMOOTH_FROM and bool(np.abs(np.diff(values)).sum() > 4 * np.ptp(values))


def _label(name: str) -> str:
    if "/" in name:
        return name.split("/", 1)[1]
    return "weighted total" if name == "reward" else name.replace("_", " ")


def _short(text: str) -> str:
    """Text that fits the width of a drawing; tables have it whole."""
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
