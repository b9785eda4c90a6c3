"""What a judge said of a report's models, as a terminal shows it: means by model, benchmark and reward."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from flows.scored import scores_of
from flows.terminal import print_whole
from reporting import notation as n
from schemas.artifact import Artifact
from schemas.tables import JUDGED
from storage.parquet import read_table
from storage.store import Store

_HEADS = ("judged, 0 to 1", "benchmark", "reward", "mean", "95% interval", "known of asked", "not known")


def print_judged(out: Console, store: Store, report: Artifact) -> None:
    """The means behind a report, where a judge was asked for any."""
    lines = list(_lines(store, report))
    if lines:
        table = Table(*_HEADS, box=None)
        for line in lines:
            table.add_row(*line)
        print_whole(out, table)


def _lines(store: Store, report: Artifact) -> Iterator[tuple[str, ...]]:
    for key, scores in scores_of(store.manifest(report)).items():
        for row in read_table(store.folder(scores), "judged", JUDGED).to_pylist():
            bounds = f"{n.decimal(row['low'])}–{n.decimal(row['high'])}" if row["low"] is not None else ""
            known = f"{n.count(row['known'])} of {n.count(row['asked'])}"
            why = ", ".join(f"{reason} {n.count(count)}" for reason, count in row["unknown"])
            yield key, row["benchmark"], row["reward"], n.decimal(row["value"]), bounds, known, why
