"""`contextfirst score`: predictions that were made elsewhere, scored as a benchmark is officially reported.

It needs neither Prefect nor torch, and starts in about a second.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.terminal import JsonOption, print_whole, write_json
from schemas.values import UserError
from tasks.scoring import scored_file
from tasks.scoring.marks import Protocol, Reading
from tasks.scoring.metrics import METRICS
from tasks.scoring.scored_file import ScoredFile, score_file
from tasks.scoring.subsets import read_subset
from tasks.scoring.tally import ALL, Cell

_HEADS = ("n", "accuracy", "95%\ninterval", "of\nanswered", "un-\nanswered", "unread", "load\nerrors", "un-\njudged")
_PROTOCOLS: dict[str, Protocol] = {"tagged": "tagged", "direct": "direct"}


def score(
    benchmark: Annotated[str, typer.Option("--benchmark", metavar="NAME", help=f"One of {', '.join(METRICS)}.")],
    predictions: Annotated[
        Path,
        typer.Option("--predictions", metavar="FILE", help="A JSON array, JSON Lines, or an object with `results`."),
    ],
    protocol: Annotated[
        str,
        typer.Option("--protocol", help="tagged: the answer stands in <answer> tags; direct: it may be all there is."),
    ] = "tagged",
    yes_no_letters: Annotated[
        bool, typer.Option("--yes-no-letters", help="Read A as yes and B as no where yes or no was asked.")
    ] = False,
    subsets: Annotated[
        list[str],
        typer.Option(
            "--subset", metavar="NAME=FILE", help="A table of its own for the questions of a list of ids. Repeatable."
        ),
    ] = [],
    json: JsonOption = None,
) -> None:
    """Score a file of predictions: overall and by the benchmark's categories."""
    if protocol not in _PROTOCOLS:
        raise UserError(f"no protocol is called {protocol!r}: --protocol is {' or '.join(_PROTOCOLS)}")
    _check_target(json, predictions, subsets)
    reading = Reading(_PROTOCOLS[protocol], yes_no_letters)
    found = score_file(predictions, benchmark, reading, [read_subset(written) for written in subsets])
    write_json(json, found)
    _show(Console(width=None if sys.stdout.isatty() else 160, markup=False, emoji=False), found)


def _check_target(json: Path | None, predictions: Path, subsets: list[str]) -> None:
    """Raises UserError where what is written would replace what is read."""
    read = {predictions: "the file of predictions"}
    read |= {Path(place): f"the list of the subset {name!r}" for name, _, place in map(_parted, subsets)}
    for place, title in read.items():
        if json and _is_same_file(json, place):
            raise UserError(f"{json} is {title}: name another with --json")


def _parted(written: str) -> tuple[str, str, str]:
    return written.partition("=")


def _is_same_file(one: Path, other: Path) -> bool:
    """Through links, too. A terminal is no file: it may well be read and written."""
    try:
        return not one.is_char_device() and one.samefile(other)
    except OSError:  # one is not there or cannot be looked at: who reads or writes it says so
        return False


def _show(out: Console, found: ScoredFile) -> None:
    for table in found.tables:
        print_whole(out, _table(found, table))
        out.print(_overall(found, table), "", sep="\n", highlight=False, soft_wrap=True)
    for note in found.notes:
        out.print(f"note: {note}", highlight=False, soft_wrap=True)


def _table(found: ScoredFile, table: scored_file.Table) -> Table:
    shown = Table(f"{found.benchmark},\n{table.subset}", box=None, padding=(0, 1, 0, 0))
    for title in _HEADS:
        shown.add_column(title, justify="right")
    titles = len({cell.breakdown for cell in table.cells}) > 2
    for cell in table.cells:
        shown.add_row(*_cells(cell, titles))
    return shown


def _cells(cell: Cell, titles: bool) -> list[str]:
    named = cell.category or ("(not stated)" if cell.breakdown != ALL else ALL)
    counts = (cell.unanswered, cell.unread, cell.load_errors, cell.unjudged)
    return [
        f"{cell.breakdown}: {named}" if titles and cell.breakdown != ALL else named,
        str(cell.n),
        _percent(cell.value),
        f"{_percent(cell.low)}–{_percent(cell.high)}" if cell.low is not None else "",
        _percent(cell.of_answered),
        *map(str, counts),
    ]


def _overall(found: ScoredFile, table: scored_file.Table) -> str:
    """The one number, and both of its denominators."""
    cell = table.cells[0]
    how = "mean of the categories" if found.average == "categories" else "mean of the questions"
    listed = f"; {table.met} of the {table.listed} listed ids are in the file" if table.listed else ""
    return (
        f"overall {_percent(cell.value)} ({how}) over {cell.n} scored, {cell.unanswered} of them unanswered and wrong; "
        f"{_percent(cell.of_answered) or 'none'} over {cell.answered} answered; "
        f"left out: {cell.load_errors} load errors, {cell.unjudged} unjudged{listed}"
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"
