from reporting.conclusions import conclusions
from reporting.differences import Comparison, Difference, differences
from reporting.rewards import reward_differences
from reporting.runs import POOLED, Run
from reporting.shortcuts import shortcuts
from schemas.training import RewardTerm
from tests.reporting.made import score, scores

TERMS = (RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0))


def _run(name: str, right: int, rows: int = 60, **changes: object) -> Run:
    made = (score(str(place), benchmark=POOLED, value=float(place < right), **changes) for place in range(rows))
    return Run(name, name.title(), "muted" if name == "muted" else "model", scores(*made))


def _compared(run: Run, against: Run) -> tuple[Difference, ...]:
    title = f"{run.title} against {against.title}"
    return differences([run, against], [Comparison(title=title, run=run.name, against=against.name)])


def test_clear_difference_is_a_claim_and_a_small_one_is_left_open() -> None:
    clear, small = _compared(_run("new", 50), _run("old", 10)), _compared(_run("new", 31), _run("old", 30))
    found = conclusions([*clear, *small], (), (), (), ())
    assert [text.startswith("New against Old: accuracy +66.7 points") for text in found.supported] == [True]
    assert len(found.open) == 1 and "+1.7 points, within noise" in found.open[0]


def test_claim_on_fewer_than_fifty_rows_is_left_open() -> None:
    found = conclusions(_compared(_run("new", 40, 40), _run("old", 0, 40)), (), (), (), ())
    assert found.supported == ()
    assert "n < 50" in found.open[0]


def test_rise_of_a_reward_names_the_part_that_rose() -> None:
    low = _run("old", 30, rewards=[("format", 0.0), ("accuracy", 1.0)])
    pair = [Comparison(title="RL", run="new", against="old")]
    (said,) = conclusions((), reward_differences([_run("new", 30), low], pair, TERMS), (), (), ()).supported
    assert "sampled reward +0.500" in said
    assert "format +1.000, accuracy 0.000 (within noise)" in said


def test_answers_that_survive_muting_are_said_not_to_rest_on_sound() -> None:
    found = conclusions((), (), shortcuts(_run("new", 50), [_run("muted", 25)]), (), ())
    assert "50.0% of its right answers stay right in this view: muted" in found.supported[0]


def test_made_rows_and_the_number_of_tests_limit_what_can_be_said() -> None:
    limits = " ".join(conclusions(_compared(_run("new", 50), _run("old", 10)), (), (), (), ("worldsense",)).limits)
    assert "The rows of worldsense were made for this run" in limits
    assert "2 differences are tested" in limits
    assert "trained once" in limits
