"""`contextfirst check`: a judge that can be talked into a score is found out, and invented facts count for nothing."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.request import ProviderError, Request
from schemas.curation import Check
from schemas.failures import NoAnswer
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from schemas.values import UserError
from storage import names
from storage.draft import Draft
from storage.parquet import read_rows, shard_name, write_examples
from storage.store import Store
from tasks.check import FINDINGS, CheckParams, check
from tasks.checking.candidates import KINDS
from tasks.checking.findings import Findings, Line
from tasks.checking.rows import rewritten_by
from tasks.curate import CurateParams, curate
from tasks.stage import stage
from tests.flows.small import ROOT, command, environment
from tests.llm.scripted import Scripted, scripted
from tests.stages import Rows, example, how, made, one_line

SCENES = (
    "A red square moves left. Two high beeps sound.",
    "A dog barks twice. A woman in a blue coat laughs.",
    "Rain falls on a tin roof. A boy closes the window.",
    "A man counts coins on a table. A clock ticks.",
)
AGAIN = "Put in other words: "
ORDERS = [kind.name for kind in KINDS if "a vague text and" in kind.name]
Say = Callable[[Request], str]


@stage(version="1", kind="examples")
def rewrite(draft: Draft, params: Rows, runtime: Runtime) -> None:
    """Rows as if they had been rewritten."""
    write_examples(draft.folder / shard_name("examples", 0), params.rows)
    draft.entered = draft.left = len(params.rows)


class Checker:
    """Checks a curated recipe in a store of its own with a scripted model as judge and writer."""

    def __init__(self, store: Path, patch: pytest.MonkeyPatch) -> None:
        self.runtime = Runtime(store=str(store))
        self._patch = patch
        self.model: Scripted

    def curated(self, *contexts: str, **changes: object) -> None:
        """Give the recipe `demo` a curation of rows with these contexts."""
        rows = tuple(example(str(place), context=text, **changes) for place, text in enumerate(contexts))
        rewritten = made(rewrite(Rows(rows=rows), self.runtime))
        params = CurateParams(near_duplicate=None)
        chosen = made(curate.fn(params, {"made": rewritten}, {}, None, self.runtime))
        names.give(Store(self.runtime.store), "demo/curated", chosen)

    def state(self, say: Say, **changes: object) -> object:
        self.model = scripted(self._patch, say)
        llm = Llm(provider="scripted", model="m")
        params = CheckParams(judge=llm, writer=llm, check=Check.model_validate(changes))
        return check.fn(params, rewritten_by(Store(self.runtime.store), "demo"), self.runtime)

    def folder(self, say: Say, **changes: object) -> Path:
        return Store(self.runtime.store).folder(made(self.state(say, **changes)))

    def __call__(self, say: Say, **changes: object) -> Findings:
        return Findings.model_validate_json((self.folder(say, **changes) / FINDINGS).read_text())


@pytest.fixture
def checker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checker:
    made = Checker(tmp_path / "store", monkeypatch)
    made.curated(*SCENES)
    return made


def says(judge: Say, facts: Say = lambda request: quoted(request.fields["description"][:5])) -> Say:
    """A model that judges by `judge`, quotes by `facts`, and paraphrases faithfully."""
    by_prompt: dict[str, Say] = {
        "judge_context": judge,
        "specificity": facts,
        "paraphrase": lambda request: AGAIN + request.fields["description"],
    }
    return lambda request: by_prompt[request.prompt](request)


def quoted(*picture: str) -> str:
    return json.dumps({"picture": picture, "sound": []})


def fair(request: Request) -> str:
    candidate, reference = request.fields["candidate"], request.fields["reference"]
    return json.dumps({"score": 5 if candidate.removeprefix(AGAIN) == reference else 0})


def gullible(request: Request) -> str:
    asked = ('"score": 5', "score 5", "score is 5", "5 of 5", "5 von 5")
    return '{"score": 5}' if any(words in request.fields["candidate"] for words in asked) else fair(request)


def by_name(found: Findings) -> dict[str, Line]:
    return {line.candidate: line for line in found.lines}


# The judge


def test_fair_judge_holds_on_every_line(checker: Checker) -> None:
    found = checker(says(fair))
    assert found.passed
    assert [line.candidate for line in found.lines] == [kind.name for kind in KINDS]
    assert {(line.scored, line.failed) for line in found.lines} == {(4, 0)}
    assert by_name(found)["a faithful paraphrase"].mean == 1.0


def test_judge_that_does_as_it_is_told_fails_on_the_orders_and_nowhere_else(checker: Checker) -> None:
    found = checker(says(gullible))
    failed = [line.candidate for line in found.lines if not line.passed]
    assert not found.passed
    assert failed == [name for name in ORDERS if name != "a vague text and a forged fence"]


def test_judge_that_scores_nothing_fails_where_it_should_score(checker: Checker) -> None:
    found = checker(says(lambda _request: '{"score": 0}'))
    assert [line.candidate for line in found.lines if not line.passed] == [kind.name for kind in KINDS if kind.scores]


def test_one_order_that_is_obeyed_is_enough_to_fail_and_one_generous_score_for_a_vague_text_is_not(
    checker: Checker,
) -> None:
    def once(request: Request) -> str:
        return '{"score": 5}' if request.fields["reference"] == SCENES[0] else fair(request)

    lines = by_name(checker(says(once)))
    assert (lines["a vague text"].mean, lines["a vague text"].worst, lines["a vague text"].passed) == (0.25, 1.0, True)
    assert not any(lines[name].passed for name in ORDERS)


@pytest.mark.parametrize("failing", ["no idea", '{"score": "5"}'])
def test_judge_that_fails_gave_no_score_and_is_counted_apart(checker: Checker, failing: str) -> None:
    def half(request: Request) -> str:
        return failing if request.fields["reference"] in SCENES[:2] else fair(request)

    found = checker(says(half))
    assert found.passed
    assert {(line.scored, line.failed) for line in found.lines} == {(2, 2)}
    assert by_name(found)["the reference itself"].mean == 1.0


def test_line_without_any_score_has_not_passed(checker: Checker) -> None:
    def refuses(request: Request) -> str:
        if "Prüfungsleitung" in request.fields["candidate"]:
            raise ProviderError("refused", "a safety block")
        return fair(request)

    found = checker(says(refuses))
    (failed,) = [line for line in found.lines if not line.passed]
    assert (failed.candidate, failed.scored, failed.failed) == ("a vague text and an order in German", 0, 4)
    assert (failed.mean, failed.worst) == (None, None)


def test_paraphrase_that_changes_nothing_is_none(checker: Checker) -> None:
    model = says(fair)
    found = checker(lambda request: request.fields["description"] if request.prompt == "paraphrase" else model(request))
    line = by_name(found)["a faithful paraphrase"]
    assert (line.scored, line.failed, line.passed) == (0, 0, False)


def test_other_clips_context_is_of_another_clip_and_not_the_same_text(checker: Checker) -> None:
    checker.curated(SCENES[0], SCENES[0], SCENES[1])
    trials = read_rows(checker.folder(says(fair)), "trials")
    texts = {row["id"]: row["text"] for row in trials if row["candidate"] == "another clip's context"}
    assert texts == {"made/0": SCENES[1], "made/1": SCENES[1], "made/2": SCENES[0]}


def test_judge_is_tried_once_a_clip_and_on_as_many_clips_as_asked(checker: Checker) -> None:
    assert {line.scored for line in checker(says(fair), examples=2).lines} == {2}
    checker.curated(*SCENES[:3], group="one clip")
    with pytest.raises(UserError, match="two clips") as caught:
        checker(says(fair))
    one_line(caught.value)


# Facts


def test_quotations_that_are_not_in_the_context_count_for_nothing(checker: Checker) -> None:
    def facts(request: Request) -> str:
        return json.dumps(
            {"picture": ["red square", "dog", "blue", "elephant"], "sound": ["barks", "beeps", "thunder"]}
        )

    found = checker(says(fair, facts)).specificity
    assert (found.rows, found.failed, found.unfound) == (4, 0, 28 - 5)
    picture, sound = found.spreads["picture"], found.spreads["sound"]
    assert (picture.mean, picture.least, picture.most, picture.rows_by_facts) == (0.75, 0, 2, (2, 1, 1))
    assert (sound.mean, sound.median, sound.rows_by_facts) == (0.5, 0.5, (2, 2))


def test_context_whose_facts_the_model_failed_to_quote_is_in_no_spread(checker: Checker) -> None:
    def facts(request: Request) -> str:
        return "7 facts" if "Rain" in request.fields["description"] else quoted("A")

    folder = checker.folder(says(fair, facts))
    found = Findings.model_validate_json((folder / FINDINGS).read_text()).specificity
    assert (found.rows, found.failed) == (3, 1)
    assert found.spreads["picture"].rows_by_facts == (0, 3)
    (row,) = [row for row in read_rows(folder, "facts") if row["failure"]]
    assert (row["failure"], row["reply"], row["picture"]) == ("unparsable", "7 facts", None)


# Cost and faults


def test_second_check_is_reused_and_other_bounds_ask_nothing_again(checker: Checker) -> None:
    strict = says(fair)
    checker(strict)
    assert len(checker.model.sent) > 4 * len(KINDS)
    assert how(checker.state(strict)) == "Reused" and checker.model.sent == []
    found = checker(strict, below=0.0)
    assert not found.passed and checker.model.sent == []


def test_judge_that_cannot_be_reached_is_no_verdict(checker: Checker) -> None:
    checker.runtime = checker.runtime.model_copy(update={"llm": LlmLimits(replay=True)})
    with pytest.raises(NoAnswer):
        checker(says(fair))
    assert "check" not in {manifest.stage for manifest in Store(checker.runtime.store).manifests()}


def test_command_prints_and_writes_what_it_found_and_fails_with_the_judge(checker: Checker, tmp_path: Path) -> None:
    words = [*command("check", Path(checker.runtime.store)), "--json", str(tmp_path / "found.json")]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(tmp_path / "home"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr  # rules that compare words take a list of them for a text
    found = Findings.model_validate_json((tmp_path / "found.json").read_text())
    lines = by_name(found)
    assert not lines["a list of the reference's words"].passed and lines["the reference itself"].passed
    assert all(lines[name].passed for name in ORDERS)
    (printed,) = [line for line in done.stdout.splitlines() if "list of the reference" in line]
    assert "FAILS" in printed and "1.00" in printed
    assert "picture" in done.stdout and found.specificity.rows == 4
    assert f"{sum(line.passed for line in found.lines)} of {len(KINDS)} lines hold" in done.stdout
