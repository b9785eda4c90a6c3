import pytest

from reporting.runs import ALL, Run, RunKind
from reporting.shortcuts import Shortcut, shortcuts
from tests.reporting.made import score, scores


def _run(kind: RunKind, right: str, **changes: object) -> Run:
    """A run whose n-th answer is right where the n-th sign is +, and not known where it is a question mark."""
    values = {"+": 1.0, "-": 0.0, "?": None}
    outcomes = {"?": {"outcome": "load_error", "given": ""}}
    rows = [
        score(str(place), **({"value": values[sign]} | outcomes.get(sign, {}) | changes))
        for place, sign in enumerate(right)
    ]
    return Run(kind, kind, kind, scores(*rows))


def _of_all(full: Run, *altered: Run) -> dict[tuple[str, ...], Shortcut]:
    return {found.views: found for found in shortcuts(full, altered) if found.family == ALL}


def test_share_is_of_right_answers_alone() -> None:
    found = _of_all(_run("model", "++++--"), _run("muted", "+--+++"))[("muted",)]
    assert (found.survived.mean, found.survived.n, found.chance) == (0.5, 4, 0.25)


def test_answers_that_survive_both_are_counted_apart() -> None:
    found = _of_all(_run("model", "++++"), _run("muted", "++--"), _run("blind", "-++-"))
    assert {views: one.survived.mean for views, one in found.items()} == {
        ("muted",): 0.5,
        ("blind",): 0.5,
        ("muted", "blind"): 0.25,
    }


def test_right_answers_that_a_view_does_not_know_are_left_out_and_counted() -> None:
    found = _of_all(_run("model", "+++"), _run("muted", "+?-"))[("muted",)]
    assert (found.survived.mean, found.survived.n, found.unpaired) == (0.5, 2, 1)


def test_questions_of_one_video_give_no_interval() -> None:
    same = {"group": "v"}
    found = _of_all(_run("model", "++++", **same), _run("muted", "++--", **same))[("muted",)]
    assert (found.survived.mean, found.survived.groups, found.survived.known) == (0.5, 1, False)


def test_run_that_is_never_right_has_no_share() -> None:
    found = _of_all(_run("model", "--"), _run("muted", "++"))[("muted",)]
    assert (found.survived.mean, found.survived.n, found.chance) == (None, 0, None)


def test_half_right_counts_as_right_and_draws_are_averaged() -> None:
    full = Run("full", "full", "model", scores(score("1", value=0.5), score("2", value=0.4)))
    drawn = [score("1", draw=draw, value=float(draw > 0)) for draw in range(2)]
    found = _of_all(full, Run("muted", "muted", "muted", scores(*drawn, score("2"))))[("muted",)]
    assert (found.survived.mean, found.survived.n) == (pytest.approx(1.0), 1)


def test_families_have_shares_of_their_own() -> None:
    full = Run("full", "full", "model", scores(score("1"), score("2", family="picture")))
    muted = Run("muted", "muted", "muted", scores(score("1", value=0.0), score("2", family="picture")))
    found = {one.family: one.survived.mean for one in shortcuts(full, [muted])}
    assert found == {ALL: 0.5, "picture": 1.0, "sound": 0.0}
