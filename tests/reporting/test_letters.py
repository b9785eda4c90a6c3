import numpy as np
import pytest

from reporting.letters import LetterBias, letter_biases
from reporting.runs import Run
from tests.reporting.made import score, scores


def _bias(given: str, gold: str, videos: int | None = None, **changes: object) -> LetterBias:
    rows = [
        score(str(place), given=letters[0], gold=letters[1], group=f"v{place % (videos or len(gold))}", **changes)
        for place, letters in enumerate(zip(given, gold, strict=True))
    ]
    (found,) = letter_biases([Run("run", "Run", "model", scores(*rows))])
    return found


def test_run_that_always_says_a_is_as_far_off_as_a_is_seldom_right() -> None:
    found = _bias("A" * 60, "ABCD" * 15)
    assert (found.distance.mean, found.distance.n, found.distance.groups) == (0.75, 60, 60)
    assert found.p < 0.001
    assert [(one.letter, one.given, one.gold) for one in found.letters] == [
        ("A", 1.0, 0.25),
        ("B", 0.0, 0.25),
        ("C", 0.0, 0.25),
        ("D", 0.0, 0.25),
    ]
    assert found.letters[0].excess.excludes(0.0)


def test_run_that_is_wrong_without_favour_is_not_accused() -> None:
    random = np.random.default_rng(1)
    found = _bias("".join(random.choice([*"ABCD"], 200)), "".join(random.choice([*"ABCD"], 200)))
    assert found.distance.mean is not None and found.distance.mean > 0
    assert (found.distance.low, found.p > 0.05) == (0.0, True)


def test_truth_lies_in_the_interval_at_least_as_often_as_stated() -> None:
    random = np.random.default_rng(2)
    found = []
    for _ in range(60):
        gold, given = random.choice([*"ABCD"], 90), random.choice([*"ABCD"], 90, p=[0.4, 0.2, 0.2, 0.2])
        found.append(_bias("".join(given), "".join(gold), videos=30).distance)
    assert np.mean([one.low <= 0.15 <= one.high for one in found if one.low is not None and one.high is not None]) > 0.9


def test_videos_whose_questions_agree_say_less() -> None:
    alone, together = _bias("A" * 40, "AAAB" * 10), _bias("A" * 40, "AAAB" * 10, videos=4)
    assert alone.distance.mean == together.distance.mean == 0.25
    assert alone.p < 0.01 < together.p


def test_run_that_is_right_on_few_videos_is_not_known_to_be_free_of_favour() -> None:
    distance = _bias("ABCD", "ABCD").distance
    assert (distance.mean, distance.low) == (0.0, 0.0)
    assert distance.high == pytest.approx(1 - 0.05 ** (1 / 4))


def test_one_video_has_a_distance_and_no_interval() -> None:
    distance = _bias("AA", "AB", videos=1).distance
    assert (distance.mean, distance.low, distance.high) == (0.5, None, None)


def test_what_is_no_letter_or_no_choice_or_no_answer_is_left_out() -> None:
    rows = [
        score("1"),
        score("2", given="a red square"),
        score("3", given="", outcome="unanswered", value=0.0),
        score("4", given="2", gold="2", answer_kind="number"),
        score("5", given="B"),
    ]
    (found,) = letter_biases([Run("run", "Run", "model", scores(*rows))])
    assert (found.distance.n, found.other) == (2, 1)
    assert [one.letter for one in found.letters] == ["A", "B"]


def test_run_without_choices_has_no_letters() -> None:
    assert letter_biases([Run("run", "Run", "model", scores(score("1", answer_kind="number", given="2")))]) == ()
