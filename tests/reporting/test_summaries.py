from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reporting.accuracy import accuracies
from reporting.differences import Comparison, differences
from reporting.rewards import reward_differences, reward_summaries
from reporting.runs import ALL, Run
from schemas.training import RewardTerm
from tests.reporting.made import score, scores

TERMS = (RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0))


def _run(name: str, *rows: dict[str, object]) -> Run:
    return Run(name, name.title(), "model", scores(*rows))


def test_unanswered_counts_as_wrong_and_unknown_rows_count_nowhere() -> None:
    run = _run(
        "one",
        score("1"),
        score("2", value=0.0, given="B"),
        score("3", value=0.0, given="", outcome="unanswered"),
        score("4", value=None, given="", outcome="load_error"),
        score("5", value=None, outcome="unjudged"),
    )
    total = accuracies([run])[0]
    assert (total.rows, total.accuracy.n, total.of_answered.n) == (5, 3, 2)
    assert total.accuracy.mean == pytest.approx(1 / 3)
    assert total.of_answered.mean == 0.5
    assert (total.answered, total.unanswered, total.load_errors, total.unjudged) == (2, 1, 1, 1)
    assert total.few


def test_accuracy_is_given_for_all_families_and_for_each() -> None:
    run = _run("one", score("1"), score("2", family="picture", value=0.0))
    found = {row.family: row.accuracy.mean for row in accuracies([run])}
    assert found == {ALL: 0.5, "picture": 0.0, "sound": 1.0}


def test_majority_is_what_always_giving_the_commonest_gold_would_score() -> None:
    rows = [score(str(place), gold=gold) for place, gold in enumerate("AABAC")]
    total = accuracies([_run("one", *rows)])[0]
    assert (total.majority_answer, total.majority) == ("A", 0.6)
    assert (total.top_answer, total.top_given) == ("A", 1.0)


def test_run_without_any_known_value_has_no_accuracy_instead_of_zero() -> None:
    total = accuracies([_run("one", score("1", value=None, outcome="load_error"))])[0]
    assert total.accuracy.mean is None
    assert total.chance is None
    assert total.majority is None


def test_completion_scored_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        _run("one", score("1"), score("1"))


def test_table_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="not SCORES"):
        Run("one", "One", "model", pa.table({"id": ["1"]}))


def test_difference_pairs_by_example_and_leaves_out_what_either_run_does_not_know() -> None:
    full = _run("full", *(score(str(place)) for place in range(12)))
    muted = _run(
        "muted",
        *(score(str(place), value=0.0) for place in reversed(range(11))),
        score("11", value=None, outcome="load_error"),
    )
    total = differences([full, muted], [Comparison(title="muted", run="muted", against="full")])[0]
    assert total.difference.mean == -1.0
    assert (total.difference.n, total.unpaired) == (11, 1)
    assert (total.of_run.mean, total.of_against.mean) == (0.0, 1.0)
    assert total.verdict == "lower"


def test_draws_of_an_example_are_averaged_before_pairing() -> None:
    before = _run("before", *(score(str(place), draw=draw, value=0.0) for place in range(20) for draw in range(2)))
    after = _run(
        "after",
        *(score(str(place), draw=draw, value=float(draw)) for place in range(20) for draw in range(2)),
    )
    total = differences([before, after], [Comparison(title="after", run="after", against="before")])[0]
    assert (total.difference.mean, total.difference.n, total.verdict) == (0.5, 20, "higher")


def test_equal_runs_are_within_noise() -> None:
    rows = [score(str(place), value=float(place % 2)) for place in range(10)]
    comparison = Comparison(title="same", run="a", against="b")
    found = differences([_run("a", *rows), _run("b", *rows)], [comparison])
    assert {row.verdict for row in found} == {"within noise"}


def test_one_video_is_too_few_to_say() -> None:
    a = _run("a", score("1", group="v"), score("2", group="v"))
    b = _run("b", score("1", group="v", value=0.0), score("2", group="v", value=0.0))
    assert differences([a, b], [Comparison(title="a", run="a", against="b")])[0].verdict == "too few to say"


def test_comparison_with_a_run_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no such run: \['gone'\]"):
        differences([_run("a", score("1"))], [Comparison(title="a", run="a", against="gone")])


def test_comparison_of_runs_on_different_benchmarks_is_refused() -> None:
    runs = [_run("a", score("1")), _run("b", score("1", benchmark="other"))]
    with pytest.raises(ValueError, match="share no benchmark"):
        differences(runs, [Comparison(title="a", run="a", against="b")])


def test_total_reward_is_weighted_and_known_only_where_all_parts_are() -> None:
    run = _run(
        "sampled",
        score("1", rewards=[("format", 1.0), ("accuracy", 1.0)]),
        score("2", rewards=[("format", 1.0), ("accuracy", 0.0)]),
        score("3", rewards=[("format", 0.0)]),
    )
    summary = reward_summaries([run], TERMS)[0]
    assert (summary.total.mean.mean, summary.total.mean.n, summary.total.unknown) == (1.0, 2, 1)
    assert [part.mean.n for part in summary.parts] == [3, 2]
    assert (summary.examples, summary.completions) == (3, 3)


def test_reward_differences_name_the_total_and_each_reward() -> None:
    low = [("format", 0.0), ("accuracy", 1.0)]
    before = _run("before", *(score(str(place), rewards=low) for place in range(20)))
    after = _run("after", *(score(str(place)) for place in range(20)))
    found = reward_differences([before, after], [Comparison(title="rl", run="after", against="before")], TERMS)
    assert [(row.family, row.difference.mean) for row in found] == [
        ("total", 0.5),
        ("format", 1.0),
        ("accuracy", 0.0),
    ]
    assert [row.verdict for row in found] == ["higher", "higher", "within noise"]


def test_scores_read_back_from_parquet_make_the_same_summary(tmp_path: Path) -> None:
    run = _run("one", score("1"), score("2", value=None, outcome="unjudged"))
    pq.write_table(run.scores, tmp_path / "scores.parquet")
    again = Run("one", "One", "model", pq.read_table(tmp_path / "scores.parquet"))
    assert accuracies([again]) == accuracies([run])
    assert reward_summaries([again], TERMS) == reward_summaries([run], TERMS)
