"""The gate: what a recipe's stages have to reach on its benchmarks (`evaluation.minimums`).

It is looked at when the report is written and everything that was made has its name, so that a run that fails by it has
lost nothing, and says by how much.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.scored import scores_of
from reporting import notation as n
from schemas.artifact import Artifact
from schemas.evaluation import Minimum
from schemas.failures import BelowMinimum
from schemas.recipe import Recipe
from schemas.tables import METRICS as METRICS_TABLE
from schemas.values import UserError, Value
from storage.parquet import read_table
from storage.store import Store
from tasks.scoring.metrics import METRICS, PLAIN, Breakdown
from tasks.scoring.tally import ALL


class Held(Value):
    """A minimum against what was measured, in percent.

    questions: scored ones. mean, low: None where nothing was scored, or where one video alone gives no interval.
    """

    minimum: Minimum
    questions: int
    mean: float | None
    low: float | None

    @property
    def met(self) -> bool:
        reached = self.low if self.minimum.lower_bound else self.mean
        return reached is not None and reached >= self.minimum.at_least - 1e-9

    @property
    def subject(self) -> str:
        """Who is measured on what."""
        asked = self.minimum
        return f"{asked.stage} on {asked.benchmark}{f', {asked.category}' if asked.category else ''}"

    @property
    def found(self) -> str:
        """What stands against the minimum."""
        if self.mean is None:
            return "no scored question"
        if not self.minimum.lower_bound:
            return f"{self.mean:.2f}"
        return "no interval (one video)" if self.low is None else f"{self.low:.2f} (lower bound)"


def hold(store: Store, minimums: Iterable[Minimum], report: Artifact) -> tuple[Held, ...]:
    """Each minimum against the official tables of the scores that a report was written from."""
    scores = scores_of(store.manifest(report))
    return tuple(_held(store, minimum, scores[f"{minimum.stage}-full"]) for minimum in minimums)


def require(found: Sequence[Held], report: Artifact) -> None:
    """Raises BelowMinimum where one is not met."""
    missed = [f"{held.subject}: {held.found} is under {held.minimum.at_least:g}" for held in found if not held.met]
    if missed:
        raise BelowMinimum(
            f"{len(missed)} of {len(found)} evaluation.minimums not met ({'; '.join(missed)}); "
            f"the report is written and everything is kept: {report}",
            report,
        )


def rows(found: Iterable[Held]) -> list[dict[str, str]]:
    """The table of the gate, by the names of its columns."""
    return [
        {
            "minimum": held.subject,
            "at least, %": f"{held.minimum.at_least:g}{', by the lower bound' if held.minimum.lower_bound else ''}",
            "measured, %": n.UNKNOWN if held.mean is None else f"{held.mean:.2f}",
            "lower bound, %": n.UNKNOWN if held.low is None else f"{held.low:.2f}",
            "n": n.count(held.questions),
            "met": "yes" if held.met else "NO",
        }
        for held in found
    ]


def print_held(out: Console, found: Sequence[Held]) -> None:
    """The table of the gate, where there are minimums."""
    shown = rows(found)
    if shown:
        table = Table(*shown[0], box=None)
        for row in shown:
            table.add_row(*row.values())
        out.print(table, highlight=False)


def check_minimums(recipe: Recipe) -> None:
    """Raises UserError for a category that the benchmark's official table does not have, or has twice."""
    datasets = {item.name: item.dataset for item in recipe.evaluation.benchmarks}
    for minimum in recipe.evaluation.minimums:
        if minimum.category or minimum.by:
            fields = METRICS.get(datasets[minimum.benchmark], PLAIN).breakdowns
            _check_category(minimum, fields)


def _check_category(minimum: Minimum, fields: Sequence[Breakdown]) -> None:
    where = f"a minimum of {minimum.stage} on {minimum.benchmark}"
    named = [field.category for field in fields]
    if minimum.by and (minimum.by not in named or not minimum.category):
        raise UserError(f"{where}: `by: {minimum.by}` goes with a category of {' or '.join(named) or 'no field'}")
    asked = [field for field in fields if minimum.by in ("", field.category)]
    listing = [field for field in asked if minimum.category in field.values]
    open_ended = [field for field in asked if not field.values]
    if len(listing) > 1 or (len(open_ended) > 1 and not listing):
        raise UserError(f"{where}: say with `by` which field has the category: {' or '.join(named)}")
    if not listing and not open_ended:
        known = [value for field in asked for value in field.values]
        near = get_close_matches(minimum.category, known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UserError(f"{where}: no category {minimum.category!r}: {hint}there are {', '.join(known) or 'none'}")


def _held(store: Store, minimum: Minimum, scores: Artifact) -> Held:
    table = read_table(store.folder(scores), "metrics", METRICS_TABLE).to_pylist()
    line = next(_lines(minimum, table), None)
    if line is None:
        return Held(minimum=minimum, questions=0, mean=None, low=None)
    return Held(minimum=minimum, questions=line["n"], mean=_percent(line["value"]), low=_percent(line["low"]))


def _lines(minimum: Minimum, table: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lines that a minimum is about; one, as its category was checked."""
    for line in table:
        field_meant = line["breakdown"] == ALL if not minimum.category else minimum.by in ("", line["breakdown"])
        if (line["benchmark"], line["category"]) == (minimum.benchmark, minimum.category) and field_meant:
            yield line


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
