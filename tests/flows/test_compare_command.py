"""`contextfirst compare`: what a user may name, what is printed, and one line for every mistake."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows import cli
from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.tables import SCORES
from schemas.values import Params
from storage import names
from storage.draft import Draft
from storage.manifests import sealed
from storage.parquet import shard_name, write_rows
from storage.store import Store
from tasks.stage import stage
from tests.reporting.made import score as row
from tests.stages import Note, made


class Signs(Params):
    """right: a benchmark's answers by name, right where the sign is +. gold: the answer to all of them."""

    right: dict[str, str]
    gold: str = "A"


@stage(version="1", kind="checkpoint")
def sft(draft: Draft, params: Note, runtime: Runtime) -> None:
    (draft.folder / "weights").write_text(params.text)


@stage(version="1", kind="scores")
def score(draft: Draft, params: Signs, runtime: Runtime) -> None:
    rows = (
        row(f"{place}", benchmark=benchmark, value=float(sign == "+"), gold=params.gold, family="ab"[place % 2])
        for benchmark, signs in params.right.items()
        for place, sign in enumerate(signs)
    )
    write_rows(draft.folder / shard_name("scores", 0), rows, SCORES)


@stage(version="1", kind="report")
def report(
    draft: Draft,
    params: Note,
    checkpoints: Mapping[str, Artifact],
    scores: Mapping[str, Artifact],
    runtime: Runtime,
) -> None:
    (draft.folder / "report.json").write_text(params.text)


class Filled(NamedTuple):
    """A store with two reports of two trained stages, a stage that no report measured, and scores with other golds."""

    place: str
    scores: Mapping[str, Artifact]
    other: Artifact


ANSWERS = {
    "old-full": {"worldsense": "+-" * 40, "daily_omni": "+" * 8},
    "new-full": {"worldsense": "+" * 70 + "-" * 10, "daily_omni": "+" * 7 + "-", "mlvu": "+"},
    "new-muted": {"worldsense": "+-" * 30 + "-" * 20},
}


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    runtime = Runtime(store=str(tmp_path / "store"))
    store = Store(runtime.store)
    old, new, unmeasured = (made(sft(Note(text=text), runtime)) for text in ("old", "new", "unmeasured"))
    models = {"old": old, "new": new}
    before = {key: made(score(Signs(right=right), runtime)) for key, right in ANSWERS.items()}
    after = before | {"old-full": made(score(Signs(right={"worldsense": "++--" * 20}), runtime))}
    first = made(report(Note(text="first"), models, before, runtime))
    _make_older(store, first)
    second = made(report(Note(text="second"), models, after, runtime))
    given = {"demo/old": old, "demo/new": new, "demo/unmeasured": unmeasured}
    for name, artifact in [*given.items(), ("demo/report", first), ("demo/report", second)]:
        names.give(store, name, artifact)
    return Filled(runtime.store, after, made(score(Signs(right={"worldsense": "+-"}, gold="B"), runtime)))


def _make_older(store: Store, artifact: Artifact) -> None:
    manifest = store.manifest(artifact)
    older = manifest.model_copy(update={"finished_at": f"2020{manifest.finished_at[4:]}"})
    (store.folder(artifact) / "manifest.json").write_text(sealed(older))


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Compare:
    """Runs `contextfirst compare` in this process, through its entry point."""

    def __init__(self, place: str, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._place, self._patch, self._capture = place, patch, capture

    def __call__(self, *words: str) -> Done:
        self._patch.setattr(sys, "argv", ["contextfirst", "compare", *words, "--store", self._place])
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = self._capture.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)


@pytest.fixture
def compare(filled: Filled, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Compare:
    return Compare(filled.place, monkeypatch, capsys)


def _line(printed: str, start: str) -> str:
    return next(" ".join(line.split()) for line in printed.splitlines() if line.strip().startswith(start))


def test_stages_are_compared_as_the_newest_report_measured_them(compare: Compare, filled: Filled) -> None:
    done = compare("demo/new", "demo/old")
    assert (done.code, done.err) == (0, "")
    assert f"demo/new − demo/old ({filled.scores['new-full']} − {filled.scores['old-full']})" in " ".join(
        done.out.split()
    )
    assert _line(done.out, "all families").startswith("all families 80, 80 87.5 (")
    assert "left out" not in done.out and "only one of the two was measured on: daily_omni, mlvu" in done.out


def test_table_says_what_turned_and_how_sure_that_is(compare: Compare, tmp_path: Path) -> None:
    done = compare("demo/new", "demo/old", "--json", str(tmp_path / "out.json"))
    assert done.code == 0
    (pair,) = json.loads((tmp_path / "out.json").read_text())["pairs"]
    total = pair["differences"][0]
    assert (total["family"], total["better"], total["worse"], total["verdict"]) == ("all", 34, 4, "higher")
    assert total["difference"][0] == pytest.approx(0.375)
    assert total["p"] == total["mcnemar"] < 0.001
    line = _line(done.out, "all families")
    assert "+37.5 (" in line and "<0.001 <0.001" in line and line.endswith("34 4")


def test_view_is_named_after_the_stage(compare: Compare) -> None:
    done = compare("demo/new:muted", "demo/new:full")
    assert done.code == 0
    assert "demo/new:muted − demo/new:full" in done.out
    assert "37.5" in _line(done.out, "all families")


def test_gain_within_noise_carries_its_warning(compare: Compare) -> None:
    done = compare("demo/new:muted", "demo/old")
    assert _line(done.out, "all families").endswith("within noise")
    assert _line(done.out, "a ").endswith("n < 50")
    assert "3 differences, none corrected" in done.out


def test_one_sentence_says_what_may_be_claimed(compare: Compare, filled: Filled) -> None:
    higher, noise = compare("demo/new", "demo/old"), compare("demo/new:muted", "demo/old")
    assert "worldsense: demo/new is higher than demo/old: +37.5 points (+25.0 to +50.0, p <0.001)\n" in higher.out
    assert (
        "worldsense: no difference between demo/new:muted and demo/old can be told: \N{MINUS SIGN}12.5 points "
        "(\N{MINUS SIGN}27.5 to +3.8, p 0.154) is within noise; a true 21.9 would be found four times in five\n"
    ) in noise.out
    few = made(score(Signs(right={"worldsense": "+"}), Runtime(store=filled.place)))
    assert "too few videos to tell demo/new and score/" in compare("demo/new", str(few)).out
    assert "; n < 50: rest no claim on it" in compare("demo/new", str(few)).out


def test_columns_carry_the_names_of_the_runs(compare: Compare) -> None:
    assert "demo/new:muted, %" in compare("demo/new:muted", "demo/old").out


def test_two_reports_are_compared_run_by_run(compare: Compare) -> None:
    done = compare("demo/report@2", "demo/report@1")
    assert done.code == 0
    assert "demo/report@2 old-full − demo/report@1 old-full" in done.out
    assert "new-full: the same scores in both" in done.out and "new-muted: the same scores in both" in done.out
    assert "differences" in done.out


def test_scores_are_named_by_fingerprint(compare: Compare, filled: Filled) -> None:
    done = compare(str(filled.scores["new-full"]), str(filled.scores["old-full"]))
    assert done.code == 0
    assert _line(done.out, "all families").startswith("all families 80, 80 87.5 (")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("demo/new", "Missing argument 'AGAINST'"),
        ("demo/new demo/nothing", "no artifact is called 'demo/nothing'.*demo/new, demo/old"),
        ("demo/new demo/unmeasured", "no report in .* measured demo/unmeasured: add it to evaluation.stages"),
        ("demo/new:blind demo/old", "demo/new was measured full, muted, but not blind, in report/"),
        ("demo/new:mutd demo/old", "unknown view 'mutd': did you mean 'muted'"),
        ("demo/report:muted demo/old", "demo/report is of kind report: only a trained stage takes a view"),
        ("demo/report demo/new", "new-muted, old-full. and demo/new .one run. have no run of one name: name two runs"),
        ("demo/new demo/new:full", "have the same scores .score/.*nothing to compare"),
        ("demo/new demo/old --json /proc/contextfirst/out.json", "cannot be written"),
    ],
)
def test_mistake_is_one_line(compare: Compare, words: str, said: str) -> None:
    done = compare(*words.split())
    (line,) = done.err.splitlines()
    assert (done.code, line.startswith("error: ")) == (2, True)
    assert re.search(said, line), line


def test_benchmarks_of_different_revisions_are_not_compared(compare: Compare, filled: Filled) -> None:
    done = compare("demo/new", str(filled.other))
    assert done.code == 2
    assert "2 examples have another gold answer" in done.err


def test_scores_of_another_version_are_a_mistake_and_no_traceback(compare: Compare, filled: Filled) -> None:
    folder = Store(filled.place).folder(filled.other)
    pq.write_table(pa.table({"id": ["1"]}), folder / shard_name("scores", 0))
    done = compare("demo/new", str(filled.other))
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "is not as this version writes scores" in done.err


def test_examples_that_one_run_does_not_know_are_counted_as_left_out(compare: Compare, filled: Filled) -> None:
    few = made(score(Signs(right={"worldsense": "+-" * 5}), Runtime(store=filled.place)))
    assert "left out: 70 examples" in compare("demo/new", str(few)).out
