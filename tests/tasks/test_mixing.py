"""How much of each source and kind is trained on: what is held out stays, and a source is drawn from on its own."""

from collections import Counter

import pytest

from schemas.curation import Balance
from schemas.values import UserError
from tasks.curation.mixing import not_taken, over_cap
from tasks.curation.outline import Outline, Verdicts
from tasks.taking import take
from tests.stages import example, one_line
from tests.tasks.outlines import outlines


def source(origin: str, count: int, **changes: object) -> list[Outline]:
    return outlines(
        *(example(f"{origin}{number}", **({"split": "train"} | changes)) for number in range(count)), origin=origin
    )


def left(rows: list[Outline], verdicts: Verdicts) -> list[str]:
    return [row.source_row for row in rows if row.id not in verdicts]


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("all", [0, 1, 2, 3, 4]),
        ("first:2", [0, 1]),
        ("last:2", [3, 4]),
        ("first:50%", [0, 1, 2]),
        ("last:0%", []),
        ("first:9", [0, 1, 2, 3, 4]),
        ("random:100%", [0, 1, 2, 3, 4]),
    ],
)
def test_rule_names_the_rows_it_takes(rule: str, taken: list[int]) -> None:
    assert take(range(5), rule, seed=0) == taken


def test_random_rows_keep_their_order_and_follow_the_seed() -> None:
    drawn = [take(range(100), "random:30%", seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] == sorted(drawn[0]) and len(drawn[0]) == 30
    assert drawn[0] != drawn[2]


def test_mix_takes_of_each_source_what_its_rule_says() -> None:
    rows = [*source("a", 4), *source("b", 4), *source("c", 2)]
    verdicts = not_taken(rows, {"a": "first:1", "b": "last:50%"}, seed=0)
    assert left(rows, verdicts) == ["a0", "b2", "b3", "c0", "c1"]
    assert {verdict.reason for verdict in verdicts.values()} == {"not_taken"}


def test_rows_taken_of_a_source_stay_when_another_source_is_added() -> None:
    alone, other, mix = source("b", 50), source("a", 20), {"b": "random:30%"}
    added = [*other, *alone]
    assert left(added, not_taken(added, mix, seed=3))[20:] == left(alone, not_taken(alone, mix, seed=3))


def test_held_out_rows_are_neither_mixed_nor_capped() -> None:
    rows = source("a", 5, split="validation")
    assert not_taken(rows, {"a": "first:0"}, seed=0) == {}
    assert over_cap(rows, Balance(field="source", cap=1), seed=0) == {}


def test_no_value_of_a_category_has_more_rows_than_the_cap() -> None:
    kinds = ["what", "why", "what", "what", "why", "what", "how"]
    rows = outlines(
        *(example(str(place), split="train", categories={"type": kind}) for place, kind in enumerate(kinds))
    )
    verdicts = over_cap(rows, Balance(field="type", cap=2), seed=0)
    assert Counter(dict(row.categories)["type"] for row in rows if row.id not in verdicts) == {
        "what": 2,
        "why": 2,
        "how": 1,
    }
    assert {verdict.reason for verdict in verdicts.values()} == {"over_cap"}


def test_rows_without_the_category_share_one_cap() -> None:
    rows = [*source("a", 3), *source("b", 3), *source("c", 1, categories={"type": "what"})]
    assert len(over_cap(rows, Balance(field="type", cap=2), seed=0)) == 4


@pytest.mark.parametrize(("field", "leaving"), [("source", 3), ("answer_kind", 4)])
def test_rows_can_be_capped_by_source_and_by_kind_of_answer(field: str, leaving: int) -> None:
    rows = [*source("a", 4), *source("b", 1)]
    assert len(over_cap(rows, Balance(field=field, cap=1), seed=0)) == leaving


def test_rows_within_the_cap_follow_the_seed() -> None:
    rows = source("a", 40)
    chosen = [left(rows, over_cap(rows, Balance(field="source", cap=10), seed)) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_category_that_no_row_has_is_refused_with_those_there_are() -> None:
    rows = source("a", 2, categories={"type": "what"})
    with pytest.raises(UserError, match=r"'typ' is no category.*answer_kind, source, type") as caught:
        over_cap(rows, Balance(field="typ", cap=1), seed=0)
    one_line(caught.value)
