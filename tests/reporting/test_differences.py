import pytest

from reporting.differences import Comparison, Difference, differences
from reporting.runs import Run
from tests.reporting.made import score, scores

AGAINST = Comparison(title="new − old", run="new", against="old")


def _run(name: str, right: str, **changes: object) -> Run:
    """A run whose n-th answer is right where the n-th sign is +."""
    rows = [score(str(place), **({"value": float(sign == "+")} | changes)) for place, sign in enumerate(right)]
    return Run(name, name, "model", scores(*rows))


def _compared(new: Run, old: Run) -> Difference:
    return differences([new, old], [AGAINST])[0]


def test_examples_that_turned_right_and_wrong_are_counted() -> None:
    found = _compared(_run("new", "++++--"), _run("old", "+---+-"))
    assert (found.better, found.worse, found.difference.n) == (3, 1, 6)
    assert (found.of_run.mean, found.of_against.mean) == (pytest.approx(4 / 6), pytest.approx(2 / 6))
    assert found.mcnemar == found.p == pytest.approx(0.625)


def test_questions_of_one_video_are_tested_as_one() -> None:
    found = _compared(_run("new", "+" * 12, group="v"), _run("old", "-" * 12, group="v"))
    assert (found.p, found.verdict) == (1.0, "too few to say")
    assert found.mcnemar == pytest.approx(2 / 2**12)


def test_graded_scores_have_no_mcnemar() -> None:
    old = Run("old", "old", "model", scores(*(score(str(place), value=0.4) for place in range(8))))
    found = _compared(_run("new", "+" * 8), old)
    assert found.mcnemar is None
    assert found.p is not None and found.p < 0.05
    assert (found.better, found.worse, found.verdict) == (8, 0, "higher")


def test_five_of_five_is_no_proof() -> None:
    """The bootstrap alone would say so: the sign of five answers falls alike once in sixteen times."""
    found = _compared(_run("new", "+++++" + "+" * 95), _run("old", "-----" + "+" * 95))
    assert found.difference.excludes(0.0)
    assert (found.p, found.verdict) == (pytest.approx(0.0625), "within noise")


def test_gain_within_noise_and_few_examples_are_warned_of() -> None:
    assert _compared(_run("new", "+" * 10 + "-"), _run("old", "+" * 10 + "+")).warning == "within noise, n < 50"
    assert _compared(_run("new", "+" * 12), _run("old", "-" * 12)).warning == "n < 50"
    assert _compared(_run("new", "+" * 60), _run("old", "+-" * 30)).warning == ""
    assert _compared(_run("new", "+" * 60), _run("old", "+" * 60)).warning == "within noise"


def test_runs_that_know_no_example_in_common_show_nothing() -> None:
    found = _compared(_run("new", "++", value=None, outcome="unjudged"), _run("old", "++"))
    assert (found.p, found.mcnemar, found.of_run.mean, found.difference.n, found.unpaired) == (None, None, None, 0, 2)
    assert found.warning == "too few to say, n < 50"


def test_same_id_with_another_gold_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="2 examples have another gold answer in old than in new, such as 0 of made"):
        _compared(_run("new", "++"), _run("old", "++", gold="B"))
