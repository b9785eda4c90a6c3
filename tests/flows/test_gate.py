"""The gate: minimums that a recipe states, against the official tables that a report was written from."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from flows.checks import checked
from flows.gate import Held, check_minimums, hold, print_held, require
from recipes.reading import read_recipe
from schemas.artifact import Artifact
from schemas.evaluation import Minimum
from schemas.failures import BelowMinimum
from schemas.runtime import Runtime
from schemas.tables import METRICS
from schemas.values import Params, UserError
from storage.draft import Draft
from storage.parquet import shard_name, write_rows
from storage.store import Store
from tasks.scoring.marks import Mark
from tasks.scoring.metrics import METRICS as OFFICIAL
from tasks.scoring.tally import Tally
from tasks.stage import stage
from tests.stages import Note, made, one_line


class Answers(Params):
    """Category and value of each answer, every one of a video of its own; None for a load error."""

    marks: tuple[tuple[str, float | None], ...]


@stage(version="1", kind="scores")
def score(draft: Draft, params: Answers, runtime: Runtime) -> None:
    tally = Tally(OFFICIAL["intentbench"])
    for number, (category, value) in enumerate(params.marks):
        outcome = "load_error" if value is None else "answered"
        tally.add(Mark(str(number), str(number), (category,), outcome, value))
    rows = ({"benchmark": "ib", "average": "questions", **cell.model_dump()} for cell in tally.cells())
    write_rows(draft.folder / shard_name("metrics", 0), rows, METRICS)


@stage(version="1", kind="report")
def report(draft: Draft, params: Note, scores: Mapping[str, Artifact], runtime: Runtime) -> None:
    (draft.folder / "report.json").write_text(params.text)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Store, Artifact]:
    """A report of a stage that is right on 60 of 80 why-questions and 10 of 20 others, and of one that saw nothing."""
    runtime = Runtime(store=str(tmp_path / "store"))
    marks = [("why", float(number < 60)) for number in range(80)] + [("other", float(n < 10)) for n in range(20)]
    scores = {
        "sft-full": made(score(Answers(marks=tuple(marks)), runtime)),
        "sft-muted": made(score(Answers(marks=(("why", 0.0),)), runtime)),
        "model-full": made(score(Answers(marks=(("why", None),)), runtime)),
        "one-full": made(score(Answers(marks=(("why", 1.0),)), runtime)),
    }
    return Store(runtime.store), made(report(Note(text="{}"), scores, runtime))


def held(written: tuple[Store, Artifact], **asked: object) -> Held:
    minimum = Minimum.model_validate({"stage": "sft", "benchmark": "ib", "at_least": 70, **asked})
    (found,) = hold(written[0], [minimum], written[1])
    return found


@pytest.mark.parametrize(
    ("asked", "found", "met"),
    [
        ({}, "70.00", True),
        ({"at_least": 70.01}, "70.00", False),
        ({"category": "why", "at_least": 75}, "75.00", True),
        ({"category": "why", "at_least": 75, "by": "type"}, "75.00", True),
        ({"category": "other"}, "50.00", False),
        ({"category": "emotion", "at_least": 0}, "no scored question", False),
        ({"stage": "model", "at_least": 0}, "no scored question", False),
        ({"stage": "one", "at_least": 100}, "100.00", True),
        ({"stage": "one", "at_least": 1, "lower_bound": True}, "no interval (one video)", False),
    ],
)
def test_minimum_is_held_against_the_official_table(
    written: tuple[Store, Artifact], asked: dict[str, object], found: str, met: bool
) -> None:
    line = held(written, **asked)
    assert (line.found, line.met) == (found, met)


def test_lower_bound_has_to_reach_the_minimum_where_that_is_asked(written: tuple[Store, Artifact]) -> None:
    mean, low = held(written, at_least=65), held(written, at_least=65, lower_bound=True)
    assert mean.met and not low.met
    assert low.low is not None and low.found == f"{low.low:.2f} (lower bound)"
    assert held(written, at_least=low.low, lower_bound=True).met


def test_failure_says_who_fell_short_of_what_and_that_all_is_kept(written: tuple[Store, Artifact]) -> None:
    found = (held(written, at_least=90), held(written), held(written, category="other"))
    with pytest.raises(BelowMinimum) as raised:
        require(found, written[1])
    assert one_line(raised.value) == (
        "2 of 3 evaluation.minimums not met (sft on ib: 70.00 is under 90; sft on ib, other: 50.00 is under 70); "
        f"the report is written and everything is kept: {written[1]}"
    )
    assert raised.value.report == written[1]


def test_minimums_that_are_met_end_nothing(written: tuple[Store, Artifact]) -> None:
    met = (held(written), held(written, at_least=0))
    assert [each.met for each in met] == [True, True]
    assert require(met, written[1]) is require((), written[1]) is None


def test_table_shows_every_minimum_beside_what_was_measured(written: tuple[Store, Artifact]) -> None:
    out = Console(file=io.StringIO(), width=160)
    print_held(out, (held(written), held(written, category="other", lower_bound=True)))
    assert isinstance(out.file, io.StringIO)
    first, second = (" ".join(line.split()) for line in out.file.getvalue().splitlines()[1:])
    assert first.startswith("sft on ib 70 70.00 ") and first.endswith("100 yes")
    assert second.startswith("sft on ib, other 70, by the lower bound 50.00 ") and second.endswith("20 NO")


def test_recipe_without_minimums_shows_no_table() -> None:
    out = Console(file=io.StringIO(), width=160)
    print_held(out, ())
    assert isinstance(out.file, io.StringIO) and out.file.getvalue() == ""


def recipe(minimum: str) -> object:
    return read_recipe("demo", [f"evaluation.minimums=[{minimum}]"])


@pytest.mark.parametrize(
    ("minimum", "said"),
    [
        (
            "{stage: stf, benchmark: worldsense, at_least: 5}",
            "a minimum names stage 'stf', of which .*'sft'.* are meas",
        ),
        (
            "{stage: sft, benchmark: world, at_least: 5}",
            "a minimum names benchmark 'world', which is none of .*'worlds",
        ),
        ("{stage: sft, benchmark: worldsense, at_least: 101}", "minimums.0.at_least: .* less than or equal to 100"),
        ("{stage: sft, benchmark: worldsense}", "minimums.0.at_least' is missing"),
    ],
)
def test_minimum_that_nothing_can_meet_is_refused_when_the_recipe_is_read(minimum: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        recipe(minimum)
    one_line(raised.value)


@pytest.mark.parametrize(
    ("minimum", "said"),
    [
        ("benchmark: intentbench, category: emotoin", "no category 'emotoin': did you mean 'emotion'"),
        ("benchmark: intentbench, category: why, by: domain", "`by: domain` goes with a category of type"),
        ("benchmark: intentbench, by: type", "`by: type` goes with a category of type"),
        ("benchmark: daily_omni, category: 30s, by: type", "no category '30s': there are AV Event Alignment"),
    ],
)
def test_category_that_the_official_table_does_not_have_is_refused_before_anything_runs(
    minimum: str, said: str
) -> None:
    asked = read_recipe("demo", [f"evaluation.minimums=[{{stage: sft, at_least: 5, {minimum}}}]"])
    with pytest.raises(UserError, match=said) as raised:
        checked(asked)
    one_line(raised.value)


@pytest.mark.parametrize(
    "minimum",
    [
        "benchmark: intentbench, category: who/which",
        "benchmark: daily_omni, category: 30s",
        "benchmark: worldsense, category: Music",
        "benchmark: worldsense, category: Audio Change, by: type",
        "benchmark: worldsense, category: Audio Change",
    ],
)
def test_category_of_the_official_table_may_be_asked_for(minimum: str) -> None:
    check_minimums(read_recipe("demo", [f"evaluation.minimums=[{{stage: sft, at_least: 5, {minimum}}}]"]))
