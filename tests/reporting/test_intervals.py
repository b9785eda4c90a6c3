import numpy as np
import pytest

from reporting.intervals import (
    NO_ROWS,
    Interval,
    mean_interval,
    minimum_detectable_difference,
    paired_difference,
)


def _videos(random: np.random.Generator, groups: int, size: int) -> tuple[np.ndarray, list[str]]:
    """Right or wrong, `size` questions a video, with videos of different difficulty; the true mean is 0.6."""
    difficulty = random.beta(3, 2, groups)
    values = random.random((groups, size)) < difficulty[:, None]
    return values.astype(float).ravel(), [f"v{place}" for place in range(groups) for _ in range(size)]


@pytest.mark.parametrize(("groups", "size"), [(15, 4), (60, 3)])
def test_interval_covers_the_truth_at_about_its_stated_rate(groups: int, size: int) -> None:
    random = np.random.default_rng(7)
    found = [mean_interval(*_videos(random, groups, size), seed=trial, draws=500) for trial in range(300)]
    covered = sum(not interval.excludes(0.6) for interval in found) / len(found)
    assert 0.90 <= covered <= 0.985


def test_interval_is_wider_when_the_rows_of_a_video_agree() -> None:
    values = np.repeat(np.random.default_rng(3).integers(0, 2, 40), 5).astype(float)
    clustered = mean_interval(values, [f"v{place // 5}" for place in range(200)])
    naive = mean_interval(values, [f"row{place}" for place in range(200)])
    assert clustered.mean == naive.mean
    assert _width(clustered) > 1.7 * _width(naive)


def test_interval_counts_rows_not_groups_in_the_mean() -> None:
    interval = mean_interval([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"])
    assert (interval.mean, interval.n, interval.groups) == (0.75, 4, 2)


def test_interval_of_very_many_videos_is_as_wide_as_theory_says() -> None:
    random = np.random.default_rng(9)
    values = (random.random(6000) < 0.2).astype(float)
    interval = mean_interval(values, [str(place) for place in range(6000)])
    assert _width(interval) == pytest.approx(2 * 1.96 * values.std() / 6000**0.5, rel=0.08)
    assert not interval.excludes(float(values.mean()))


def test_interval_of_no_rows_is_named() -> None:
    assert mean_interval([], []) == NO_ROWS
    assert NO_ROWS.mean is None
    assert not NO_ROWS.known


def test_interval_of_one_video_has_a_mean_and_no_bounds() -> None:
    interval = mean_interval([1.0, 0.0, 1.0, 1.0], ["a"] * 4)
    assert interval == Interval(0.75, None, None, 4, 1)
    assert not interval.excludes(0.0)


def test_interval_of_fifty_right_answers_is_not_a_point() -> None:
    interval = mean_interval([1.0] * 50, [str(place) for place in range(50)])
    assert interval.high == 1.0
    assert interval.low == pytest.approx(0.025 ** (1 / 50))


def test_interval_is_the_same_for_the_same_seed_whatever_the_order_of_rows() -> None:
    _, groups = _videos(np.random.default_rng(1), 30, 3)
    values = np.random.default_rng(1).integers(0, 1000, 90) / 1024
    order = np.random.default_rng(2).permutation(len(values))
    again = mean_interval(values[order], np.array(groups)[order], seed=5)
    assert mean_interval(values, groups, seed=5) == again
    assert mean_interval(values, groups, seed=6) != again


def test_unknown_values_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        mean_interval([1.0, float("nan")], ["a", "b"])


def test_paired_difference_leaves_out_zero_when_one_run_is_better() -> None:
    random = np.random.default_rng(11)
    worse, groups = _videos(random, 80, 2)
    better = np.where(random.random(len(worse)) < 0.3, 1.0, worse)
    assert paired_difference(better, worse, groups).excludes(0.0)
    assert not paired_difference(worse, worse, groups).excludes(0.0)


def test_pairing_is_sharper_than_two_separate_intervals() -> None:
    random = np.random.default_rng(12)
    a, groups = _videos(random, 80, 2)
    b = np.where(random.random(len(a)) < 0.1, 1 - a, a)
    assert _width(paired_difference(a, b, groups)) < _width(mean_interval(a, groups))


def test_runs_that_never_differ_are_not_called_equal_to_the_digit() -> None:
    interval = paired_difference([1.0] * 20, [1.0] * 20, [str(place) for place in range(20)])
    assert interval.mean == 0.0
    assert interval.low == pytest.approx(-(1 - 0.025 ** (1 / 20)))
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_detectable_difference_is_found_in_about_four_repeats_of_five() -> None:
    random = np.random.default_rng(4)
    groups = [str(place) for place in range(120)]
    noise = random.normal(0, 1, (201, 120))
    detectable = minimum_detectable_difference(noise[0], np.zeros(120), groups)
    assert detectable is not None
    found = sum(
        paired_difference(row + detectable, np.zeros(120), groups, draws=400).excludes(0.0) for row in noise[1:]
    )
    assert 0.68 <= found / 200 <= 0.92


def test_detectable_difference_follows_from_how_often_the_runs_disagree() -> None:
    """A fifth of 1,000 questions, half each way: (1.960 + 0.842) * sqrt(0.2 / 1000)."""
    a, b = np.repeat([1.0, 0.0, 1.0], [100, 100, 800]), np.repeat([0.0, 1.0, 1.0], [100, 100, 800])
    found = minimum_detectable_difference(a, b, [str(place) for place in range(1000)])
    assert found == pytest.approx(2.8016 * (0.2 / 1000) ** 0.5, rel=1e-3)


def test_detectable_difference_is_larger_when_the_questions_of_a_video_agree() -> None:
    a = np.repeat(np.random.default_rng(6).integers(0, 2, 100), 5).astype(float)
    clustered = minimum_detectable_difference(a, np.zeros(500), [str(place // 5) for place in range(500)])
    naive = minimum_detectable_difference(a, np.zeros(500), [str(place) for place in range(500)])
    assert clustered is not None and naive is not None
    assert clustered == pytest.approx(5**0.5 * naive, rel=0.01)


def test_detectable_difference_is_unknown_without_a_spread() -> None:
    assert minimum_detectable_difference([1.0, 1.0], [0.0, 0.0], ["a", "b"]) is None
    assert minimum_detectable_difference([], [], []) is None


def _width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low
