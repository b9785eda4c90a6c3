"""Published figures: of benchmarks that are read here, each with its protocol, the doubtful ones with their doubt."""

import pytest

from reporting.published import PUBLISHED, published
from tasks.scoring.metrics import METRICS


@pytest.mark.parametrize("name", sorted({one.benchmark for one in PUBLISHED}))
def test_figures_of_a_benchmark_have_a_protocol_a_source_and_no_more_questions_than_it_has(name: str) -> None:
    for one in published(name):
        assert one.benchmark == name in METRICS
        assert 0 < one.figure < 100 and len(one.protocol) > 20 and len(one.source) > 10
        assert one.n <= (METRICS[name].questions or 0) and (one.n == METRICS[name].questions or one.subset or one.doubt)


def test_no_figure_stands_twice() -> None:
    keys = [(one.benchmark, one.subset, one.model, one.source) for one in PUBLISHED]
    assert len(keys) == len(set(keys))


def test_best_figure_of_all_questions_comes_first_and_subsets_after_it() -> None:
    found = [(one.subset, one.figure) for one in published("intentbench")]
    assert found[0] == ("", 70.60) and found[-1] == ("hard", 63.22)
    assert {subset for subset, _ in found} == {"", "clean", "hard"}


def test_baseline_that_ran_without_its_sound_is_doubted() -> None:
    (old,) = (one for one in published("daily_omni") if one.figure == 47.45)
    assert old.doubt == "run without its sound" and "62.07" in old.protocol


def test_benchmark_whose_published_protocols_are_not_known_has_no_figures() -> None:
    assert published("omnivideobench") == published("made") == ()
