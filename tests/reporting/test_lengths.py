from reporting.lengths import lengths
from reporting.runs import Run
from tests.reporting.made import score, scores


def test_lengths_are_told_apart_by_what_came_of_the_completion() -> None:
    rows = [
        *(score(f"right {place}", tokens=10 + place) for place in range(5)),
        *(score(f"wrong {place}", tokens=100, value=0.0) for place in range(4)),
        score("half", tokens=20, value=0.5),
        score("silent", tokens=512, value=0.0, given="", outcome="unanswered"),
        score("broken", tokens=0, value=None, given="", outcome="load_error"),
        score("unjudged", tokens=30, value=None, outcome="unjudged"),
    ]
    found = lengths([Run("run", "Run", "model", scores(*rows))])
    assert [(one.outcome, one.mean.n, one.half) for one in found] == [
        ("right", 5, 12.0),
        ("partly right", 1, 20.0),
        ("wrong", 4, 100.0),
        ("unanswered", 1, 512.0),
        ("not judged", 1, 30.0),
    ]
    assert (found[0].mean.mean, found[0].most) == (12.0, 13.8)


def test_benchmarks_have_lengths_of_their_own() -> None:
    rows = [score("1", tokens=5), score("1", tokens=7, benchmark="other"), score("2", tokens=9, family="picture")]
    found = lengths([Run("run", "Run", "model", scores(*rows))])
    assert [(one.benchmark, one.mean.mean) for one in found] == [("made", 7.0), ("other", 7.0)]
