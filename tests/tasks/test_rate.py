"""Rating: a rating with its reasons and provenance, or a reject; never a number that nobody gave."""

import json
from pathlib import Path

import pytest

from llm.prompts.rate import DIMENSIONS
from llm.request import Outcome
from schemas.example import Example, Provenance, Reject
from schemas.values import Runtime
from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tasks.rate import RateParams, rate, rated
from tests.llm.scripted import scripted
from tests.stages import example, made, rows_of

PARAMS = RateParams(provider="scripted", model="m", rows_per_shard=2)


def rating(score: float, category: str = "counting") -> str:
    return json.dumps({name: {"score": score, "rationale": "why"} for name in DIMENSIONS} | {"category": category})


def outcome(text: str | None, **changes: object) -> Outcome:
    return Outcome.model_validate({"identity": "0", "text": text, "request_id": "r-1"} | changes)


def test_rating_is_kept_with_its_category_and_provenance() -> None:
    row = rated(example("1", categories={"type": "what"}), outcome(rating(0.5)), PARAMS)
    assert isinstance(row, Example)
    assert {item.name: (item.value, item.rationale) for item in row.ratings} == dict.fromkeys(DIMENSIONS, (0.5, "why"))
    assert row.categories == {"type": "what", "rated_category": "counting"}
    assert row.provenance == (
        Provenance(field="ratings", provider="scripted", model="m", prompt="rate@1", request="r-1"),
    )


@pytest.mark.parametrize("text", ["8/10", "{}", rating(2.0), rating(0.5, "unheard of")])
def test_unparsable_rating_is_a_reject_and_never_a_score(text: str) -> None:
    row = rated(example("1"), outcome(text), PARAMS)
    assert isinstance(row, Reject)
    assert (row.reason, row.row) == ("not_rated", text)


def test_failed_call_is_a_reject_that_says_how_it_failed() -> None:
    row = rated(example("1"), outcome(None, failure="refused", detail="a safety block"), PARAMS)
    assert isinstance(row, Reject)
    assert (row.reason, row.detail) == ("not_rated", "refused: a safety block")


def test_rows_are_rated_in_order_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda request: rating(0.5) if "2" not in request.fields["question"] else "no idea")
    runtime = Runtime(store=str(tmp_path / "store"))
    rows = rows_of(runtime, *(example(number) for number in "123"))
    artifact = made(rate.fn(PARAMS, rows, runtime))
    folder = Store(runtime.store).folder(artifact)
    assert [row.source_row for row in read_examples(folder)] == ["1", "3"]
    assert [row.source_row for row in read_rejects(folder)] == ["2"]
    counts = Store(runtime.store).manifest(artifact).rows
    assert (counts.entered, counts.left, counts.rejected) == (3, 2, {"not_rated": 1})
