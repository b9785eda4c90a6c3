"""The modality reward: what an answer owes to having both picture and sound."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.example import Example
from schemas.training import View
from tests.training.rewards.examples import JUDGE, answered, example, replying
from training.rewards import REWARDS
from training.rewards.contract import Complete, Group, Referee, RewardScore, Rollout

CHOICE = example("choice", "A", ["red", "blue"])
FREE = example("free_text", "A red ball rolls left.")


def scored(
    full: Sequence[str],
    views: Mapping[View, Sequence[str]],
    asked: Example = CHOICE,
    complete: Complete | None = None,
) -> list[RewardScore]:
    """Scores of the answers `full`, with those of the other views as siblings."""
    siblings: dict[View, tuple[Rollout, ...]] = {name: tuple(map(answered, said)) for name, said in views.items()}
    judge = Referee(JUDGE, complete) if complete else None
    return asyncio.run(_ask(Group(asked, tuple(map(answered, full)), siblings, judge)))


async def _ask(group: Group) -> list[RewardScore]:
    return await REWARDS["modality"](group)


def values(full: Sequence[str], muted: Sequence[str], blind: Sequence[str]) -> list[float | None]:
    return [score.value for score in scored(full, {"muted": muted, "blind": blind})]


@pytest.mark.parametrize(
    ("muted", "blind", "right"),
    [("BBBB", "BBBB", 1.0), ("ABBB", "BBBB", 0.75), ("AABB", "ABBB", 0.5), ("BBBB", "AAAA", 0.0)],
)
def test_right_answer_is_worth_what_the_best_other_view_does_not_reach(muted: str, blind: str, right: float) -> None:
    assert values("ABAB", muted=muted, blind=blind) == [right, 0.0, right, 0.0]


def test_being_as_wrong_as_the_siblings_does_not_pay() -> None:
    assert values("BB", muted="BB", blind="BB") == [0.0, 0.0]
    assert values("B", muted="A", blind="A") == [0.0]


def test_order_of_siblings_does_not_matter() -> None:
    found = [values("AB", muted=muted, blind="B") for muted in permutations("AAB")]
    assert all(each == found[0] for each in found)


def test_graded_answers_are_compared_by_degree() -> None:
    moods = example("multi_choice", "A,B", ["sad", "angry", "calm"])
    (score,) = scored(["A,B"], {"muted": ["A"], "blind": ["C"]}, moods)
    assert score.value == pytest.approx(1 / 3)
    assert dict(score.parts) == {"muted": pytest.approx(2 / 3), "blind": 0.0}


def test_group_without_siblings_is_not_known() -> None:
    for found in (scored("AB", {}), scored("AB", {"full": "AB"})):
        assert [(score.value, score.reason, score.judged) for score in found] == [(None, "no siblings", False)] * 2


def test_view_without_completions_is_not_known() -> None:
    (score,) = scored("A", {"muted": "", "blind": "B"})
    assert (score.value, score.reason) == (None, "accuracy of siblings not known")


def test_siblings_that_the_judge_failed_on_are_not_known_and_not_wrong() -> None:
    def reply(request: object) -> str | None:
        return None if request.fields["answer"] == "lost" else '{"score": 2}'  # type: ignore[attr-defined]

    right, other = "a red ball rolls left", "A ball."
    known = scored([right, other, "lost"], {"muted": [other, "lost"], "blind": [other]}, FREE, replying(reply))
    assert [score.value for score in known] == [0.6, 0.0, None]
    (unknown,) = scored([right], {"muted": ["lost"], "blind": [other]}, FREE, replying(reply))
    assert (unknown.value, unknown.reason, unknown.judged) == (None, "accuracy of siblings not known", True)


answers = st.lists(st.sampled_from(["A", "B", "", "A or B"]), min_size=1, max_size=4)


@given(answers, answers, answers)
def test_reward_is_never_above_the_accuracy(full: list[str], muted: list[str], blind: list[str]) -> None:
    for answer, value in zip(full, values(full, muted=muted, blind=blind), strict=True):
        assert value is not None and not math.isnan(value)
        assert 0.0 <= value <= float(answer == "A")
