"""The table made of marks: who counts where, how the overall is averaged, and how sure it is."""

import numpy as np
import pytest

from tasks.benchmarks import BENCHMARKS
from tasks.scoring.marks import Mark, Outcome
from tasks.scoring.metrics import METRICS, Breakdown, Metric
from tasks.scoring.tally import Cell, Tally, short

SIMPLE = Metric(kinds=("choice",), breakdowns=(Breakdown(category="type", raw="Type", values=("why", "how")),))
MACRO = SIMPLE.model_copy(update={"average": "categories", "beside": ("summary",)})


def tally(metric: Metric, *marks: tuple[str, float | None]) -> Tally:
    """A tally of (category, value), each of a video of its own."""
    found = Tally(metric)
    for number, (label, value) in enumerate(marks):
        found.add(Mark(str(number), str(number), (label,), "load_error" if value is None else "answered", value))
    return found


def line(found: Tally, category: str, subset: str = "") -> Cell:
    return next(cell for cell in found.cells(subset) if cell.category == category)


def test_every_benchmark_has_its_metric_with_the_kinds_of_its_reader() -> None:
    assert {name: metric.kinds for name, metric in METRICS.items()} == {
        name: reader.kinds for name, reader in BENCHMARKS.items()
    }


def test_questions_are_averaged_alike_and_categories_stand_in_the_order_of_the_paper() -> None:
    found = tally(SIMPLE, ("how", 1), ("how", 0), ("how", 0), ("other", 0.5), ("why", 1))
    cells = [(cell.breakdown, cell.category, cell.n, cell.value) for cell in found.cells()]
    assert cells == [
        ("all", "", 5, 0.5),
        ("type", "why", 1, 1.0),
        ("type", "how", 3, pytest.approx(1 / 3)),
        ("type", "other", 1, 0.5),
    ]


def test_macro_average_takes_every_category_alike_and_leaves_out_those_beside() -> None:
    found = tally(MACRO, *[("how", 1)] * 30, *[("why", 0)] * 10, ("summary", 0.0))
    assert (found.cells()[0].value, found.cells()[0].n) == (0.5, 40)
    assert line(found, "summary").n == 1


def test_macro_interval_widens_with_what_differs_inside_a_category_and_not_with_their_sizes() -> None:
    random = np.random.default_rng(0)
    even = tally(MACRO, *[("how", 1)] * 300, *[("why", 1)] * 10)
    (cell, *_) = even.cells()
    assert cell.value == cell.high == 1.0 and cell.low is not None and 0.98 < cell.low < 1
    draws = [("how", float(value)) for value in random.random(400) < 0.7]
    few = [("why", float(value)) for value in random.random(25) < 0.4]
    (cell, *_) = tally(MACRO, *draws, *few).cells()
    assert cell.low is not None and cell.high is not None and cell.value is not None
    spread = [np.var([value for _, value in rows]) / len(rows) for rows in (draws, few)]
    assert (cell.high - cell.low) / 2 == pytest.approx(1.96 * np.sqrt(sum(spread)) / 2, rel=0.1)


def test_question_of_several_categories_counts_in_each_and_once_in_all() -> None:
    metric = Metric(kinds=("choice",), breakdowns=(Breakdown(category="type", raw="t", several=True),))
    found = tally(metric, ("reasoning,summary", 1.0), ("reasoning", 0.0))
    assert [(cell.category, cell.n, cell.value) for cell in found.cells()] == [
        ("", 2, 0.5),
        ("reasoning", 2, 0.5),
        ("summary", 1, 1.0),
    ]


def test_both_denominators_are_kept_and_what_is_not_known_is_in_neither() -> None:
    found = Tally(SIMPLE)
    outcomes: list[tuple[Outcome, float | None]] = [
        *[("answered", 1.0)] * 3,
        ("answered", 0.0),
        ("unanswered", 0.0),
        ("load_error", None),
        ("unjudged", None),
    ]
    for number, (outcome, value) in enumerate(outcomes):
        found.add(Mark(str(number), "v", ("why",), outcome, value, read=value != 0.0 or outcome != "answered"))
    (cell, _) = found.cells()
    assert (cell.n, cell.answered, cell.unanswered, cell.unread, cell.load_errors, cell.unjudged) == (5, 4, 1, 1, 1, 1)
    assert (cell.value, cell.of_answered) == (0.6, 0.75)


def test_interval_goes_by_video_and_not_by_question() -> None:
    one, many = Tally(SIMPLE), Tally(SIMPLE)
    for number in range(200):
        value = float(number // 10 % 2)
        one.add(Mark(str(number), f"clip {number // 10}", ("why",), "answered", value))
        many.add(Mark(str(number), "", ("why",), "answered", value))
    (together, *_), (apart, *_) = one.cells(), many.cells()
    assert (together.groups, apart.groups) == (20, 200)
    widths = [cell.high - cell.low for cell in (together, apart) if cell.low is not None and cell.high is not None]
    assert widths[0] > 2.5 * widths[1]


def test_nothing_known_is_no_number_and_no_zero() -> None:
    for metric in (SIMPLE, MACRO):
        for found in (tally(metric, ("why", None)), Tally(metric)):
            assert [cell.value for cell in found.cells()] == [None] * len(found.cells())


def test_subset_has_cells_of_its_own() -> None:
    found = Tally(SIMPLE, ("clean",))
    for number in range(4):
        found.add(Mark(str(number), "v", ("why",), "answered", float(number < 2)), ["clean"] if number < 3 else [])
    assert (found.cells()[0].value, found.cells("clean")[0].value) == (0.5, pytest.approx(2 / 3))


def test_ids_that_repeat_are_found_and_missing_ones_are_not() -> None:
    found = Tally(SIMPLE)
    assert found.repeated() == set()
    for id in ("a", "b", "", "", "a"):
        found.add(Mark(id, "v", ("why",), "answered", 1.0))
    assert found.repeated() == {short("a")}
