"""`contextfirst compare RUN AGAINST`: two models, two views of one, or two reports, on the examples they share."""

from collections.abc import Callable

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.scored import Scored, scored
from reporting import notation as n
from reporting.differences import Comparison, Difference, differences
from reporting.runs import ALL, Run
from reporting.significance import ALPHA
from schemas.artifact import Artifact
from schemas.tables import SCORES
from schemas.values import UserError, Value
from storage.parquet import read_table
from storage.store import Store

_HEADS = (
    "n, videos",
    "run, %",
    "against, %",
    "difference, points",
    "p",
    "McNemar",
    "detect-\nable",
    "wrong →\nright",
    "right →\nwrong",
    "warning",
)


class Pair(Value):
    """One run against another on every benchmark and family that both have. alone: benchmarks that only one has."""

    run: Scored
    against: Scored
    differences: tuple[Difference, ...]
    alone: tuple[str, ...]


class Compared(Value):
    """All pairs that two references make. same: runs that have the same scores in both reports."""

    pairs: tuple[Pair, ...]
    same: tuple[str, ...]


def compare_named(store: Store, find: Callable[[str], Artifact], run: str, against: str) -> Compared:
    """Compare what two references name (`flows/scored.py`); of two reports, the runs of one name.

    Raises UserError for what has no scores, and for runs that have nothing to compare.
    """
    first, second = scored(store, find, run), scored(store, find, against)
    shared = [key for key in first if key in second]
    if not shared:
        raise UserError(
            f"{run} ({', '.join(first)}) and {against} ({', '.join(second)}) have no run of one name: "
            "name two runs, or two reports"
        )
    same = tuple(key for key in shared if first[key].scores == second[key].scores)
    if len(same) == len(shared):
        raise UserError(
            f"{run} and {against} have the same scores ({first[same[0]].scores}): there is nothing to compare"
        )
    pairs = (_pair(store, first[key], second[key]) for key in shared if key not in same)
    return Compared(pairs=tuple(pairs), same=same)


def _pair(store: Store, run: Scored, against: Scored) -> Pair:
    comparison = Comparison(title=f"{run.name} {n.MINUS} {against.name}", run=run.name, against=against.name)
    runs = [Run(each.name, each.name, "model", _table_of(store, each)) for each in (run, against)]
    first, second = (set(each.scores["benchmark"].to_pylist()) for each in runs)
    try:
        found = differences(runs, [comparison])
    except ValueError as error:
        raise UserError(f"{run.name} and {against.name} cannot be compared: {error}") from error
    return Pair(run=run, against=against, differences=found, alone=tuple(sorted(first ^ second)))


def _table_of(store: Store, found: Scored) -> pa.Table:
    try:
        table = read_table(store.folder(found.scores), "scores", SCORES)
    except (pa.ArrowException, ValueError) as error:
        raise UserError(
            f"{found.scores} is not as this version writes scores: run `contextfirst evaluate` again"
        ) from error
    if not len(table):
        raise UserError(f"{found.scores} holds no scored rows: name another run")
    return table


def print_compared(out: Console, found: Compared) -> None:
    """A table for each pair and benchmark, and how to read them."""
    for pair in found.pairs:
        _say(
            out, f"{pair.run.name} {n.MINUS} {pair.against.name}   ({pair.run.scores} {n.MINUS} {pair.against.scores})"
        )
        for benchmark in dict.fromkeys(row.benchmark for row in pair.differences):
            _print_benchmark(out, [row for row in pair.differences if row.benchmark == benchmark])
        if pair.alone:
            _say(out, f"only one of the two was measured on: {', '.join(pair.alone)}")
    for name in found.same:
        _say(out, f"{name}: the same scores in both")
    tested = sum(len(pair.differences) for pair in found.pairs)
    _say(
        out,
        "p: whole videos are swapped between the runs; McNemar: as if every question had a video of its own.\n"
        "Detectable: the smallest true difference that such a comparison finds four times in five.\n"
        f"{tested} differences, none corrected for their number: where there is no effect at all, "
        f"about {ALPHA * tested:.1f} of them look like one.",
    )


def _say(out: Console, text: str) -> None:
    out.print(text, highlight=False, markup=False)


def _print_benchmark(out: Console, rows: list[Difference]) -> None:
    """Accuracies in %, differences in points; a benchmark of one family is one line."""
    table = Table(escape(rows[0].benchmark), *_HEADS, box=None, padding=(0, 2, 0, 0))
    for row in rows if len(rows) > 2 else rows[:1]:
        table.add_row(escape("all families" if row.family == ALL else row.family), *_cells(row))
    out.print(table)
    if left := rows[0].unpaired:
        _say(out, f"left out: {n.count(left)} examples for which a run has no value")


def _cells(row: Difference) -> tuple[str, ...]:
    return (
        f"{n.count(row.difference.n)}, {n.count(row.difference.groups)}",
        _with_bounds(n.percent(row.of_run.mean), n.percent_bounds(row.of_run)),
        _with_bounds(n.percent(row.of_against.mean), n.percent_bounds(row.of_against)),
        _with_bounds(n.points(row.difference.mean), n.points_bounds(row.difference)),
        _p(row.p),
        _p(row.mcnemar),
        n.percent(row.detectable),
        n.count(row.better),
        n.count(row.worse),
        row.warning,
    )


def _with_bounds(mean: str, bounds: str) -> str:
    return f"{mean} ({bounds})" if bounds else mean


def _p(p: float | None) -> str:
    return n.UNKNOWN if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"
