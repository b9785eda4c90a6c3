"""What the report says of contexts and reasoning, and where it says that too little is known."""

import pyarrow as pa

from reporting.reasoning import WHAT, Known, consistencies, judged_means, reasoning
from reporting.runs import POOLED, Run
from schemas.evaluation import JUDGED_REWARDS
from schemas.tables import JUDGED
from tasks.scoring.judged import judged_means as judged_rows
from tests.reporting.made import score, scores


def _run(title: str, right: str, wrong: str = "") -> Run:
    """A row a sign, right answers first: + and - are known to be argued for or not, ? is not known."""
    signs = {"+": True, "-": False, "?": None}
    rows = [
        score(str(place), value=float(place < len(right)), consistent=signs[sign], benchmark=POOLED)
        for place, sign in enumerate(right + wrong)
    ]
    return Run(title.lower(), title, "model", scores(*rows))


def _judged(**values: list[float | None]) -> pa.Table:
    """Of a judge's values by reward, each of a video of its own."""
    rows = [
        {"id": str(place), "reward": reward, "value": value, "reason": "" if value is not None else "no reference"}
        for reward, given in values.items()
        for place, value in enumerate(given)
    ]
    ids = {str(row["id"]) for row in rows}
    made = judged_rows(rows, dict.fromkeys(ids, "bench"), {id: id for id in ids})
    return pa.Table.from_pylist(list(made), schema=JUDGED)


def _counted(known: Known) -> tuple[float | None, int, int]:
    return known.share.mean, known.share.n, known.of


def test_share_is_of_what_is_known_and_apart_for_right_and_wrong_answers() -> None:
    (found,) = consistencies([_run("One", "+++-??", "+--?")])
    assert _counted(found.every) == (4 / 7, 7, 10)
    assert _counted(found.right) == (3 / 4, 4, 6)
    assert _counted(found.wrong) == (1 / 3, 3, 4)


def test_partly_right_answer_is_among_all_and_no_answer_is_among_none() -> None:
    rows = [
        score("half", value=0.5, consistent=True),
        score("silent", value=0.0, outcome="unanswered"),
        score("broken", value=None, outcome="load_error"),
        score("unjudged", value=None, outcome="unjudged"),
    ]
    (found,) = consistencies([Run("one", "One", "model", scores(*rows))])
    assert (_counted(found.every), found.right.of, found.wrong.of) == ((1.0, 1, 2), 0, 0)


def test_run_of_which_nothing_is_known_has_no_share_beside_one_of_which_something_is() -> None:
    known, unknown = consistencies([_run("One", "+-"), _run("Two", "??")])
    assert (known.every.share.mean, unknown.every.share.mean, unknown.every.of) == (0.5, None, 2)
    assert consistencies([_run("Two", "??")]) == ()


def test_judges_means_stand_by_benchmark_and_reward_with_models_below_each_other() -> None:
    one, two = _judged(logic=[1.0], context=[0.5, None]), _judged(context=[0.25])
    found = judged_means([("One", one), ("Two", two), ("Nobody judged", JUDGED.empty_table())])
    assert [(row.reward, row.title, row.mean.mean, row.mean.n, row.asked, row.unknown) for row in found] == [
        ("context", "One", 0.5, 1, 2, {"no reference": 1}),
        ("context", "Two", 0.25, 1, 1, {}),
        ("logic", "One", 1.0, 1, 1, {}),
    ]


def test_numbers_of_which_fewer_than_fifty_are_known_are_named() -> None:
    one, two = _judged(context=[0.5, 1.0] * 25, logic=[1.0] * 49 + [None]), _judged(context=[None], logic=[1.0])
    found = reasoning([_run("One", "+" * 60, "+-?"), _run("Two", "+" * 49)], [("One", one), ("Two", two)])
    doubted = "Fewer than 50 are known, too few for a claim: "
    assert found.judged_doubt == f"{doubted}reasoning on bench (at most 49)."
    assert found.consistent_doubt == f"{doubted}answers (Two 49 of 49); wrong answers (One 2 of 3)."


def test_what_is_known_of_no_model_is_named_without_a_number() -> None:
    found = reasoning([], [("One", _judged(context=[None], logic=[1.0] * 50)), ("Two", _judged(context=[None]))])
    assert found.judged_doubt == "Nothing is known of contexts on bench."


def test_where_enough_is_known_nothing_is_doubted() -> None:
    found = reasoning([_run("One", "+-" * 30)], [("One", _judged(context=[1.0, 0.5] * 30))])
    assert (found.judged_doubt, found.consistent_doubt) == ("", "")


def test_report_without_a_judge_and_without_reasoning_says_nothing_of_them() -> None:
    assert not reasoning([_run("One", "??")], [("One", JUDGED.empty_table())]).shown


def test_every_reward_that_a_judge_gives_is_called_something() -> None:
    assert set(WHAT) == {*JUDGED_REWARDS, "accuracy"}
