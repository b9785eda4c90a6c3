"""How a stage's rows fall into shards, wherever the files that hold them begin."""

from pathlib import Path
from typing import get_args

import pytest

from llm.request import FINAL, Failure, Outcome
from schemas.failures import NoAnswer
from storage.parquet import ROW_GROUP, shard_name, write_examples
from tasks.shards import require_answers, shards_of
from tests.stages import example


@pytest.mark.parametrize("size", [1, 3, 7, 10, 25, 26])
def test_shards_hold_each_row_once_whatever_the_files(size: int, tmp_path: Path) -> None:
    names = [f"{number:02d}" for number in range(25)]
    for index, part in enumerate((names[:4], [], names[4:17], names[17:])):
        write_examples(tmp_path / shard_name("examples", index), map(example, part))
    found = {index: [row.id for row in rows] for index, rows in shards_of(tmp_path, size, lambda _: True)}
    assert list(found) == list(range(len(found)))
    assert [id for ids in found.values() for id in ids] == [f"made/{name}" for name in names]
    assert {len(ids) for index, ids in found.items() if index < len(found) - 1} <= {size}


def test_shards_of_others_are_passed_over(tmp_path: Path) -> None:
    write_examples(tmp_path / shard_name("examples", 0), (example(f"{number:02d}") for number in range(10)))
    found = {index: [row.id for row in rows] for index, rows in shards_of(tmp_path, 3, lambda index: index % 2 == 1)}
    assert found == {1: ["made/03", "made/04", "made/05"], 3: ["made/09"]}


def test_shard_may_begin_in_one_group_of_rows_and_end_in_the_next(tmp_path: Path) -> None:
    rows = ROW_GROUP + 10
    write_examples(tmp_path / shard_name("examples", 0), (example(str(number)) for number in range(rows)))
    lengths = [len(found) for _, found in shards_of(tmp_path, ROW_GROUP - 1, lambda _: True)]
    assert lengths == [ROW_GROUP - 1, 11]


@pytest.mark.parametrize("kind", get_args(Failure))
def test_only_failures_that_are_final_say_something_about_their_row(kind: Failure) -> None:
    outcomes = [Outcome(identity="1", text="A"), Outcome(identity="2", failure=kind, detail="why")]
    if kind in FINAL:
        require_answers(outcomes)
        return
    with pytest.raises(NoAnswer, match=rf"1 of 2 requests got no answer \({kind}: why\)"):
        require_answers(outcomes)
