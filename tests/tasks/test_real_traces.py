"""Published reasoning under the rules, where this checkout has it: what is refused is refused for a true fault.

Of the 100 traces of EMER, 98 pass. The context of the two others is a Python dict written as text, field names and
quotes and all, in place of a description.
"""

from pathlib import Path

import pytest
from dataset_folders import examples, folder_of, read, sample

from llm.request import Outcome
from schemas.completion import render
from schemas.example import Example
from tasks.rewriting.overlap import emotion_overlap
from tasks.rewriting.reasoning import LEAST_GROUNDING, grounding
from tasks.rewriting.reasons import Fault
from tasks.rewriting.verdict import verdict

REFUSED = {"emer_rewrite:26": "markup", "emer_rewrite:72": "markup"}


@pytest.fixture
def rows(tmp_path: Path) -> list[Example]:
    content = sample("intenttrain_emer_rewrite.json")
    return examples(read("intent_train", folder_of(tmp_path, {"emer_rewrite.json": content})))


def judged(row: Example, context: str, think: str) -> Fault | None:
    return verdict(Outcome(identity="0", text=render(context, think, row.answer)), row)


def test_published_traces_keep_the_rules_but_for_two_that_are_named(rows: list[Example]) -> None:
    faults = {row.source_row: judged(row, row.context, row.think) for row in rows}
    assert {row: fault.reason for row, fault in faults.items() if fault} == REFUSED
    assert all("a literal" in fault.detail for fault in faults.values() if fault)


def test_published_reasoning_is_far_from_the_bound_of_grounding(rows: list[Example]) -> None:
    assert min(grounding(row.think, row.context) for row in rows) > 1.5 * LEAST_GROUNDING


def test_reasoning_of_another_clip_is_grounded_less_than_a_clips_own(rows: list[Example]) -> None:
    pairs = list(zip(rows, rows[1:] + rows[:1], strict=True))
    better = [grounding(row.think, row.context) > grounding(other.think, row.context) for row, other in pairs]
    assert sum(better) >= 95


def test_published_reasoning_under_a_wrong_answer_is_often_found_to_argue_otherwise(rows: list[Example]) -> None:
    wrong = [
        row.model_copy(update={"answer": option.label})
        for row in rows
        for option in row.options
        if option.label not in row.answer.split(",")
    ]
    found = [fault for row in wrong if (fault := judged(row, row.context, row.think))]
    assert len(found) > 0.5 * len(wrong)


def test_most_published_contexts_do_not_say_the_emotion(rows: list[Example]) -> None:
    ratings = [emotion_overlap(row, row.context) for row in rows]
    values = [rating.value for rating in ratings if rating]
    assert len(values) == 100 and values.count(0.0) > 70
