from math import comb

import numpy as np
import pytest

from reporting.significance import turning_p


def _each(number: int) -> list[str]:
    return [f"v{place}" for place in range(number)]


def _discordant(better: int, worse: int, agree: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of right and wrong that differ in so many places."""
    a = np.repeat([1.0, 0.0, 1.0], [better, worse, agree])
    return a, np.repeat([0.0, 1.0, 1.0], [better, worse, agree])


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [(1, 7, 0.0703), (7, 1, 0.0703), (0, 5, 0.0625), (0, 6, 0.03125), (4, 4, 1.0), (0, 0, 1.0)],
)
def test_questions_of_videos_of_their_own_give_mcnemars_exact_test(better: int, worse: int, p: float) -> None:
    """1 to 7 is the example of Fagerland et al. 2013 (BMC Med. Res. Methodol. 13:91): 0.070."""
    a, b = _discordant(better, worse)
    assert turning_p(a, b, _each(len(a))) == pytest.approx(p, abs=5e-5)


@pytest.mark.parametrize(("better", "worse"), [(150, 86), (600, 540), (3000, 2500)])
def test_large_counts_stay_exact(better: int, worse: int) -> None:
    a, b = _discordant(better, worse)
    few, both = min(better, worse), better + worse
    assert turning_p(a, b, _each(len(a))) == pytest.approx(2 * sum(comb(both, k) for k in range(few + 1)) / 2**both)


def test_questions_of_one_video_count_as_one() -> None:
    a, b = _discordant(6, 0, agree=0)
    assert turning_p(a, b, _each(6)) == pytest.approx(2 / 2**6)
    assert turning_p(a, b, ["x", "x", "x", "y", "y", "y"]) == pytest.approx(2 / 2**2)
    assert turning_p(a, b, ["x"] * 6) == 1.0


def test_videos_of_different_weight_are_counted_by_hand() -> None:
    """Sums 3, 1, -1: of the eight ways of turning, 3+1+1, 3+1-1, 3-1+1 and their opposites reach 3."""
    a, b = [1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]
    assert turning_p(a, b, ["x", "x", "x", "y", "z"]) == pytest.approx(6 / 8)


def test_test_by_video_keeps_its_level_where_the_one_by_question_does_not() -> None:
    random = np.random.default_rng(5)
    videos = [f"v{place // 5}" for place in range(200)]
    alone, by_video = [], []
    for _ in range(300):
        a, b = np.repeat(random.integers(0, 2, (2, 40)).astype(float), 5, axis=1)
        alone.append(turning_p(a, b, _each(200)) <= 0.05)
        by_video.append(turning_p(a, b, videos) <= 0.05)
    assert np.mean(by_video) <= 0.07
    assert np.mean(alone) >= 0.2


def test_graded_scores_agree_with_counting() -> None:
    a, b = _discordant(14, 4)
    exact, drawn = turning_p(a, b, _each(len(a))), turning_p(a * 0.3, b * 0.3, _each(len(a)))
    assert drawn == pytest.approx(exact, abs=0.01)
    assert drawn != exact


def test_drawn_p_is_never_zero_and_the_same_for_the_same_seed() -> None:
    a = np.random.default_rng(0).random(400) + 1.0
    found = turning_p(a, np.zeros(400), _each(400), seed=3)
    assert found == turning_p(a, np.zeros(400), _each(400), seed=3) == 1e-4


def test_runs_without_rows_or_differences_are_no_surprise() -> None:
    assert turning_p([], [], []) == 1.0
    assert turning_p([0.5, 0.25], [0.5, 0.25], ["x", "y"]) == 1.0


def test_rows_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows twice"):
        turning_p([1.0], [1.0, 0.0], ["x"])
