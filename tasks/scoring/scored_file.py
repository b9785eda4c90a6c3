"""A file of predictions scored as a benchmark is officially reported, or one line that says why it cannot be.

A file that may be the wrong one gives no number: an id that stands twice, an item without gold or output, a problem
type or categories of another benchmark, a subset of which no id is in the file. What may be right and should be known
is a note: questions that are missing, answers that could not be read, items without an id.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.options import Undecided
from schemas.values import UserError, Value
from tasks.reading.row import BadRow, Row
from tasks.scoring.marks import Mark, Protocol, Reading, id_of, mark, whole
from tasks.scoring.metrics import METRICS, Average, Metric
from tasks.scoring.predictions import items
from tasks.scoring.subsets import Subset
from tasks.scoring.tally import Cell, Tally, short


class Table(Value):
    """The cells of one subset, `full` for all items. listed: ids of its list; met: how many of them are in the file."""

    subset: str
    listed: int
    met: int
    cells: tuple[Cell, ...]


class ScoredFile(Value):
    """Everything that is to be said of a file. items: predictions in it. questions: how many the benchmark has."""

    benchmark: str
    predictions: str
    protocol: Protocol
    yes_no_letters: bool
    average: Average
    items: int
    questions: int | None
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


class _Count:
    """What a pass over a file adds up besides the tally."""

    def __init__(self, subsets: Sequence[Subset]) -> None:
        self.without_id = self.without_video = self.lettered = self.bare = 0
        self._open = {subset.name: set(subset.ids) for subset in subsets}

    def add(self, mark: Mark) -> None:
        self.without_id += not mark.id
        self.without_video += not mark.group
        self.lettered += mark.lettered
        self.bare += mark.bare
        for ids in self._open.values():
            ids.discard(mark.id)

    def met(self, subset: Subset) -> int:
        return len(subset.ids) - len(self._open[subset.name])


def score_file(path: Path, benchmark: str, reading: Reading, subsets: Sequence[Subset] = ()) -> ScoredFile:
    """Score a file of predictions of a benchmark in METRICS. Raises UserError, see above."""
    metric = _metric(benchmark)
    _check_names(subsets)
    tally, count = Tally(metric, [subset.name for subset in subsets]), _Count(subsets)
    for found in _marks(path, benchmark, metric, reading):
        tally.add(found, [subset.name for subset in subsets if subset.holds(found.id)])
        count.add(found)
    _check(path, benchmark, metric, tally)
    return ScoredFile(
        benchmark=benchmark,
        predictions=whole(str(path)),
        protocol=reading.protocol,
        yes_no_letters=reading.letters,
        average=metric.average,
        items=len(tally),
        questions=metric.questions,
        notes=tuple(_notes(metric, len(tally), count, reading)),
        tables=(
            Table(subset="full", listed=0, met=0, cells=_some(path, tally.cells())),
            *(_table(path, tally, subset, count.met(subset)) for subset in subsets),
        ),
    )


def _metric(benchmark: str) -> Metric:
    if benchmark not in METRICS:
        raise UserError(f"no benchmark is called {benchmark!r}: they are {', '.join(METRICS)}")
    return METRICS[benchmark]


def _check_names(subsets: Sequence[Subset]) -> None:
    names = ["full", *(subset.name for subset in subsets)]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UserError(f"--subset {repeated[0]!r} stands twice: every subset needs a name of its own, and not 'full'")


def _marks(path: Path, benchmark: str, metric: Metric, reading: Reading) -> Iterator[Mark]:
    for number, item in enumerate(items(path), 1):
        try:
            yield mark(Row(benchmark, str(path), str(number), item), metric, reading)
        except (BadRow, Undecided) as error:
            seen = whole(str(error))
            raise UserError(f"{path}, {_named(number, item)}: {seen}: mend or remove the item") from error


def _named(number: int, item: object) -> str:
    id = (item.get("qid") or item.get("id")) if isinstance(item, dict) else None
    return f"item {number} (id {str(id)[:80]!r})" if id else f"item {number}"


def _check(path: Path, benchmark: str, metric: Metric, tally: Tally) -> None:
    if not len(tally):
        raise UserError(f"{path} holds no predictions: name a file with at least one")
    if repeated := tally.repeated():
        _refuse_repeated(path, tally.metric, repeated)
    for place, part in enumerate(metric.breakdowns):
        seen = [category for category in tally.categories(place) if category]
        if part.values and seen and not set(seen) & {*part.values, *metric.beside}:
            raise UserError(
                f"{path} is not of {benchmark}: its {part.raw!r} is {seen[0][:60]!r}, where {benchmark} has "
                f"{', '.join(part.values)}: name the benchmark it is of with --benchmark"
            )
    if metric.average == "categories" and "" in tally.categories(0):
        field = metric.breakdowns[0].raw
        raise UserError(f"{benchmark} averages over {field!r}, which items of {path} do not state: add it to their raw")


def _refuse_repeated(path: Path, metric: Metric, repeated: set[int]) -> None:
    """Raises UserError for the first id that really stands twice."""
    seen: dict[str, int] = {}
    for number, item in enumerate(items(path), 1):
        id = id_of(Row("", str(path), str(number), item), metric)
        if id in seen:
            raise UserError(f"{path}: id {id[:80]!r} stands twice (items {seen[id]} and {number}): keep one of them")
        if short(id) in repeated:
            seen[id] = number


def _some(path: Path, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The cells of a table in which something is scored."""
    if cells[0].value is None:
        raise UserError(
            f"nothing in {path} can be scored: of its items {cells[0].load_errors} have a load error and "
            f"{cells[0].unjudged} are free text, which needs a judge"
        )
    return cells


def _table(path: Path, tally: Tally, subset: Subset, met: int) -> Table:
    if not met:
        raise UserError(f"no id of the subset {subset.name!r} is in {path}: name the list of this benchmark's ids")
    cells = _some(path, tally.cells(subset.name))
    return Table(subset=subset.name, listed=len(subset.ids), met=met, cells=cells)


def _notes(metric: Metric, items: int, count: _Count, reading: Reading) -> Iterator[str]:
    if metric.questions and items < metric.questions:
        yield f"{items} items, where the benchmark has {metric.questions} questions: compare with care"
    if metric.questions and items > metric.questions:
        yield f"{items} items, more than the benchmark's {metric.questions}: some stand twice or are not its own"
    if count.without_id:
        yield f"{count.without_id} items have no id: whether they stand twice is not known"
    if count.without_video:
        yield f"{count.without_video} items name no video: each counts as a video of its own in the intervals"
    if count.bare:
        yield f"{count.bare} choices state no readable options: of their answers only a letter alone is read"
    if count.lettered:
        yield f"{count.lettered} yes/no answers are a letter and count as wrong: --yes-no-letters reads A as yes"
    if reading.letters and "yes_no" in metric.kinds:
        yield "yes/no: A is read as yes and B as no"
