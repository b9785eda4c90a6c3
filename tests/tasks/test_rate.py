"""Rating: a rating with its reasons and provenance, or a reject; never a number that nobody gave."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.prompts.rate import DIMENSIONS
from llm.request import ProviderError, Reply, Request
from schemas.artifact import Artifact
from schemas.example import Example, Provenance, Rating, Reject
from schemas.failures import NoAnswer
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tasks.rate import RateParams, rate
from tests.llm.scripted import Scripted, scripted
from tests.stages import example, made, rows_of

PARAMS = RateParams(llm=Llm(provider="scripted", model="m"), rows_per_shard=2)


def rating(score: float, category: str = "count") -> str:
    scores = {name: {"rationale": "why", "score": score} for name in DIMENSIONS}
    return json.dumps(scores | {"category": category})


class Rater:
    """Rates rows in a store of its own with a scripted model."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.runtime = Runtime(store=str(folder / "store"))
        self._patch = patch
        self.model: Scripted

    def __call__(self, say: Callable[[Request], str], *rows: Example) -> Artifact:
        self.model = scripted(self._patch, say)
        return made(rate.fn(PARAMS, rows_of(self.runtime, *rows), self.runtime))

    def one(self, say: Callable[[Request], str], row: Example) -> Example | Reject:
        folder = Store(self.runtime.store).folder(self(say, row))
        (found,) = (*read_examples(folder), *read_rejects(folder))
        return found


@pytest.fixture
def rater(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rater:
    return Rater(tmp_path, monkeypatch)


def second(first: str, then: str) -> Callable[[Request], str]:
    """What a model says that is asked again."""
    return lambda request: then if "fault" in request.fields else first


def failing(failure: str, detail: str, said: str = "") -> Callable[[Request], str]:
    def say(_request: Request) -> str:
        reply = Reply(text=said, request_id="r") if said else None
        raise ProviderError(failure, detail, reply=reply)  # type: ignore[arg-type]

    return say


def test_rating_is_kept_with_its_category_and_provenance(rater: Rater) -> None:
    row = rater.one(lambda _request: rating(0.5), example("1", categories={"type": "what"}))
    assert isinstance(row, Example)
    assert {item.name: (item.value, item.rationale) for item in row.ratings} == dict.fromkeys(DIMENSIONS, (0.5, "why"))
    assert row.categories == {"type": "what", "rated_category": "count"}
    assert row.provenance == (
        Provenance(field="ratings", provider="scripted", model="m", prompt="rate@2", request="id-1"),
    )


def test_rating_takes_the_place_of_an_earlier_one_and_of_nothing_else(rater: Rater) -> None:
    other = Rating(name="overlap", value=0.1, rationale="measured")
    earlier = tuple(Rating(name=name, value=0.9, rationale="before") for name in DIMENSIONS)
    written = Provenance(field="context", provider="p", model="m", prompt="rewrite@1", request="r")
    rated_before = written.model_copy(update={"field": "ratings"})
    row = rater.one(
        lambda _request: rating(0.5),
        example("1", ratings=(other, *earlier), provenance=(written, rated_before)),
    )
    assert isinstance(row, Example)
    assert {item.name: item.value for item in row.ratings} == {"overlap": 0.1} | dict.fromkeys(DIMENSIONS, 0.5)
    assert [item.prompt for item in row.provenance] == ["rewrite@1", "rate@2"]


def test_rating_in_a_code_fence_needs_no_second_request(rater: Rater) -> None:
    row = rater.one(lambda _request: f"Here it is:\n```json\n{rating(1)}\n```", example("1"))
    assert isinstance(row, Example)
    assert len(rater.model.sent) == 1


@pytest.mark.parametrize("text", ["8/10", "{}", rating(2.0), rating(0.5, "unheard of"), rating(0.5) * 2])
def test_reply_that_is_no_rating_is_shown_its_fault_and_may_be_mended(rater: Rater, text: str) -> None:
    row = rater.one(second(text, rating(0.5)), example("1"))
    assert isinstance(row, Example)
    assert row.provenance[-1].prompt == "rate@2 repair"
    first, again = rater.model.sent
    assert text not in first and text in again


def test_reply_that_is_no_rating_twice_is_a_reject_and_never_a_score(rater: Rater) -> None:
    row = rater.one(second("8/10", "really, 8/10"), example("1"))
    assert isinstance(row, Reject)
    assert (row.reason, row.row) == ("not_rated", "really, 8/10")
    assert "no whole JSON object" in row.detail
    assert len(rater.model.sent) == 2


@pytest.mark.parametrize("failure", ["refused", "truncated", "rejected"])
def test_failed_call_is_a_reject_that_says_how_it_failed_and_is_not_repeated(rater: Rater, failure: str) -> None:
    row = rater.one(failing(failure, "as the server says", said=rating(1)), example("1"))
    assert isinstance(row, Reject)
    assert (row.reason, row.detail) == (f"llm_{failure}", "as the server says")
    assert len(rater.model.sent) == 1


def test_rows_are_rated_in_order_and_counted_by_reason(rater: Rater) -> None:
    def say(request: Request) -> str:
        question = request.fields["question"]
        return (
            failing("refused", "a safety block")(request) if "4" in question else rating(0.5) * (1 + ("2" in question))
        )

    artifact = rater(say, *(example(number) for number in "12345"))
    folder = Store(rater.runtime.store).folder(artifact)
    assert [row.source_row for row in read_examples(folder)] == ["1", "3", "5"]
    assert [row.source_row for row in read_rejects(folder)] == ["2", "4"]
    counts = Store(rater.runtime.store).manifest(artifact).rows
    assert (counts.entered, counts.left, counts.rejected) == (5, 3, {"llm_refused": 1, "not_rated": 1})


def test_rater_that_cannot_be_reached_rejects_nothing_and_a_rerun_asks_for_the_rest(rater: Rater) -> None:
    rows = [example(number) for number in "12"]
    rater(lambda _request: rating(0.5), rows[0])
    usual, rater.runtime = rater.runtime, rater.runtime.model_copy(update={"llm": LlmLimits(replay=True)})
    with pytest.raises(NoAnswer, match="missing"):
        rater(lambda _request: rating(0.5), *rows)
    rater.runtime = usual
    artifact = rater(lambda _request: rating(0.5), *rows)
    assert Store(usual.store).manifest(artifact).rows.left == 2
    assert len(rater.model.sent) == 1
