"""`contextfirst compare RUN AGAINST`: two models, two views of one, or two reports, on the examples they share."""

from collections.abc import Callable

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.scored import Scored, scored
from flows.terminal import print_whole
from reporting import notation as n
from reporting.accuracy import FEW
from reporting.differences import Comparison, Difference, differences
from reporting.runs import ALL, Run
from reporting.significance import ALPHA
from schemas.artifact import Artifact
from schemas.tables import SCORES
from schemas.values import UserError, Value
from storage.parquet import read_table
from storage.store import Store

_HEADS = (
    "n,\nvideos",
    "{run}, %",
    "{against}, %",
    "difference,\npoints",
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
    """A sentence and a table for each pair and benchmark, and how to read them."""
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
        "In brackets: 95% intervals, with whole videos drawn again and again.\n"
        "p: how often chance alone differs as much, with whole videos swapped between the two; McNemar: the same as if "
        "every question\nhad a video of its own, – where an answer can be partly right.\n"
        "Detectable: the smallest true difference that such a comparison finds four times in five.\n"
        f"Within noise: the interval holds zero or p is over {ALPHA}. n < {FEW}: too few questions for a claim.\n"
        f"{tested} differences, none corrected for their number: where there is no effect at all, "
        f"about {ALPHA * tested:.1f} of them look like one.",
    )


def _say(out: Console, text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _print_benchmark(out: Console, rows: list[Difference]) -> None:
    """What is to be said, then accuracies in % and differences in points; a benchmark of one family is one line."""
    total = rows[0]
    _say(out, f"{total.benchmark}: {_verdict(total)}{f'; n < {FEW}: rest no claim on it' if total.few else ''}")
    heads = (head.format(run=total.run, against=total.against) for head in _HEADS)
    table = Table("", *map(escape, heads), box=None, padding=(0, 2, 0, 0))
    for row in rows if len(rows) > 2 else rows[:1]:
        table.add_row(escape("all families" if row.family == ALL else row.family), *_cells(row))
    print_whole(out, table)
    if left := rows[0].unpaired:
        _say(out, f"left out: {n.count(left)} examples for which a run has no value")


def _verdict(row: Difference) -> str:
    """The one sentence of a comparison."""
    gap = f"{n.points(row.difference.mean)} points ({n.points_bounds(row.difference)}, p {n.p_value(row.p)})"
    if row.verdict in ("higher", "lower"):
        return f"{row.run} is {row.verdict} than {row.against}: {gap}"
    if row.verdict == "too few to say":
        return f"too few videos to tell {row.run} and {row.against} apart"
    found = f"; a true {n.percent(row.detectable)} would be found four times in five" if row.detectable else ""
    return f"no difference between {row.run} and {row.against} can be told: {gap} is within noise{found}"


def _cells(row: Difference) -> tuple[str, ...]:
    return (
        f"{n.count(row.difference.n)}, {n.count(row.difference.groups)}",
        n.with_bounds(n.percent(row.of_run.mean), n.percent_bounds(row.of_run)),
        n.with_bounds(n.percent(row.of_against.mean), n.percent_bounds(row.of_against)),
        n.with_bounds(n.points(row.difference.mean), n.points_bounds(row.difference)),
        n.p_value(row.p),
        n.p_value(row.mcnemar),
        n.percent(row.detectable),
        n.count(row.better),
        n.count(row.worse),
        row.warning,
    )
