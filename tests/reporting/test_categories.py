import pyarrow as pa
import pytest

from reporting.categories import Measured, category_tables
from schemas.tables import METRICS


def _metrics(*lines: tuple[str, str, float | None]) -> pa.Table:
    counts = {"n": 60, "answered": 58, "unanswered": 2, "unread": 1, "load_errors": 3, "unjudged": 0, "groups": 60}
    return pa.Table.from_pylist(
        [
            {
                "benchmark": "made",
                "average": "categories",
                "breakdown": breakdown,
                "category": category,
                "value": value,
                "low": 0.1,
                "high": 0.9,
                "of_answered": value,
                **counts,
            }
            for breakdown, category, value in lines
        ],
        schema=METRICS,
    )


def test_runs_stand_side_by_side_in_the_order_of_the_publisher() -> None:
    first = Measured(
        "first", _metrics(("all", "", 0.5), ("type", "why", 0.4), ("type", "how", 0.6), ("length", "30s", 0.5))
    )
    second = Measured("second", _metrics(("all", "", 0.7), ("type", "how", 0.8)))
    (table,) = category_tables([first, second])
    assert (table.runs, table.average, table.overall.n) == (("first", "second"), "categories", 60)
    assert [(part.breakdown, [line.category for line in part.lines]) for part in table.parts] == [
        ("type", ["why", "how"]),
        ("length", ["30s"]),
    ]
    why, how = table.parts[0].lines
    assert why.cells[1] is None
    assert [cell.accuracy.mean for cell in how.cells if cell] == [0.6, 0.8]


def test_category_without_a_scored_question_has_no_number() -> None:
    (table,) = category_tables([Measured("one", _metrics(("all", "", 0.5), ("type", "why", None)))])
    assert [cell.accuracy.mean for cell in table.parts[0].lines[0].cells if cell] == [None]


def test_benchmark_without_categories_has_no_table() -> None:
    assert category_tables([Measured("one", _metrics(("all", "", 0.5)))]) == ()


def test_table_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="not METRICS"):
        Measured("one", pa.table({"value": [0.5]}))
