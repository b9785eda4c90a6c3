"""The command line: a window on the store, and one line for every mistake."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from flows import cli
from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage import names
from storage.store import Store
from tasks.curate import CurateParams, curate
from tasks.publish import PublishParams, publish
from tests.stages import Note, example, files_below, made, note, rows_of, upper

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    *("run", "curate", "train", "evaluate", "check", "recipes", "ls", "show", "lineage", "verify", "gc", "publish"),
    *("llm", "score", "compare", "export", "doctor"),
)


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Cli:
    """Runs the command line in this process, through its entry point."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture

    def __call__(self, *words: str) -> Done:
        self._patch.setattr(sys, "argv", ["contextfirst", *words])
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Done(code or 0, *self._capture.readouterr())


@pytest.fixture
def contextfirst(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    monkeypatch.chdir(tmp_path)
    return Cli(monkeypatch, capsys)


class Filled(NamedTuple):
    """A store with two notes, one of them unnamed, and a small dataset."""

    place: str
    note: Artifact
    loose: Artifact
    dataset: Artifact


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    runtime = Runtime(store=str(tmp_path / "filled"))
    first = made(note(Note(text="a"), runtime))
    named = made(upper(Note(text="b"), first, runtime))
    chosen = made(curate.fn(CurateParams(), {"made": rows_of(runtime, example("1"))}, {}, None, runtime))
    dataset = made(publish.fn(PublishParams(name="demo", title="Demo"), chosen, runtime))
    loose = made(note(Note(text="loose"), runtime))
    store = Store(runtime.store)
    names.give(store, "demo/upper", named)
    names.give(store, "demo/dataset", dataset)
    return Filled(runtime.store, first, loose, dataset)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(contextfirst: Cli, command: str) -> None:
    done = contextfirst(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"contextfirst {command}" in done.out


def test_help_lists_every_command_also_without_a_word(contextfirst: Cli) -> None:
    for words in ([], ["--help"]):
        done = contextfirst(*words)
        assert (done.code, done.err) == (0, "")
        assert all(f"  {command} " in done.out for command in COMMANDS)


def test_recipes_are_listed(contextfirst: Cli) -> None:
    done = contextfirst("recipes")
    assert done.code == 0
    assert all(name in done.out for name in ("demo", "humanomniv2", "stage_masked", "answer_only"))


# Mistakes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run dmo", "did you mean 'demo'"),
        ("run demo --set curation.min_qualty=1", "unknown field 'curation.min_qualty'"),
        ("run demo --set curation.min_quality=high", "not 'high'"),
        ("run demo --set curation.min_quality", "expected path.to.field=value"),
        ("run demo --set sources.nobody.take=all", "no 'nobody' among"),
        ("run demo --store /proc/contextfirst", "cannot be written"),
        ("curate demo --set rewrite.provider=opnai", "unknown LLM provider 'opnai'.*offline, openai"),
        ("curate demo --set judge.provider=opnai", "unknown LLM provider 'opnai'"),
        ("train demo --set stages.grpo1.params.judge.provider=opnai", "unknown LLM provider 'opnai'"),
        ("curate demo --set sources.emer.dataset=emmer", "unknown dataset 'emmer'.*emer"),
        ("curate demo --set sources.emer.folder=nowhere", "source emer: folder nowhere does not exist: download"),
        ("evaluate demo --set evaluation.benchmarks.worldsense.dataset=world", "unknown dataset 'world'"),
        (
            "train demo --set stages.sft.params.world_size=7",
            "stage sft: batch_size 32 does not divide over 7 processes",
        ),
        (
            "train demo --set stages.grpo1.params.rewards.0.reward=modality",
            "stage grpo1: reward `modality` needs `views`",
        ),
        ("train demo --set stages.grpo1.params.rewards.0.reward=spans", "reward `spans` needs `format: timed`"),
        ("train demo --set stages.grpo1.params.rewards.0.reward=formt", "unknown reward 'formt'.*format"),
        ("run", "Missing argument 'RECIPE'"),
        ("run demo --stoer x", "--stoer"),
        ("run demo more", "more"),
        ("frobnicate", "frobnicate"),
        ("gc --keep-days soon", "keep-days"),
        ("check dmo", "did you mean 'demo'"),
        ("check demo --set check.below=2", "check.below"),
        ("check demo --store nowhere", "there is no store at .*nowhere"),
        ("ls --store nowhere", "there is no store at .*nowhere"),
        ("show demo/curated --store nowhere", "there is no store at"),
        ("lineage demo/curated --store nowhere", "there is no store at"),
        ("verify --store nowhere", "there is no store at"),
        ("gc --store nowhere", "there is no store at"),
        ("publish demo/dataset --to out --store nowhere", "there is no store at"),
    ],
)
def test_mistake_is_one_line_and_nothing_is_written(contextfirst: Cli, tmp_path: Path, words: str, said: str) -> None:
    done = contextfirst(*words.split())
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert re.search(said, line), line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check demo", "recipe demo has no rewritten rows in .*run `contextfirst curate demo` first"),
        ("show demo/nothing", "no artifact is called 'demo/nothing'.*demo/dataset, demo/upper"),
        ("show /etc/passwd", "no artifact is called"),
        ("show note/zzzz", "no artifact is called"),
        ("show demo/upper@7", "no artifact is called"),
        ("lineage [red]x", "no artifact is called '\\[red\\]x'"),
        ("verify nothing", "no artifact is called"),
        ("publish demo/upper --to out", "is of kind folder: publish a dataset"),
        ("publish demo/dataset --to .", "is not empty"),
        ("publish demo/dataset --to filled/.index/digests.sqlite", "is no folder|is not empty"),
        ("publish demo/dataset --to /proc/contextfirst/out", "cannot be written"),
    ],
)
def test_mistake_about_a_store_is_one_line_and_changes_nothing(
    contextfirst: Cli, filled: Filled, tmp_path: Path, words: str, said: str
) -> None:
    before = sorted(str(path) for path in tmp_path.rglob("*") if ".index" not in path.parts)
    done = contextfirst(*words.split(), "--store", filled.place)
    (line,) = done.err.splitlines()
    assert (done.code, line.startswith("error: ")) == (2, True)
    assert re.search(said, line), line
    assert sorted(str(path) for path in tmp_path.rglob("*") if ".index" not in path.parts) == before


def test_manifest_of_a_newer_version_is_one_line(contextfirst: Cli, filled: Filled) -> None:
    (Store(filled.place).folder(filled.loose) / "manifest.json").write_text('{"format": 99}')
    done = contextfirst("ls", "--store", filled.place)
    assert done.code == 2
    assert "newer than" in done.err and len(done.err.splitlines()) == 1


def test_mistake_of_the_installed_command_exits_with_two(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", "run", "dmo", "--store", str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: unknown recipe 'dmo'")
    assert list(tmp_path.iterdir()) == []


# The window on the store


def test_artifacts_are_listed_with_their_names(contextfirst: Cli, filled: Filled) -> None:
    done = contextfirst("ls", "--store", filled.place)
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert done.code == 0
    assert "demo/dataset@1" in lines[str(filled.dataset)]
    assert str(filled.note) in lines and str(filled.loose) in lines


def test_artifact_is_shown_by_name_version_and_fingerprint(contextfirst: Cli, filled: Filled) -> None:
    references = ("demo/dataset", "demo/dataset@1", str(filled.dataset), f"publish/{filled.dataset.fingerprint}")
    for reference in references:
        done = contextfirst("show", reference, "--store", filled.place)
        place, manifest = done.out.split("\n", 1)
        assert json.loads(manifest)["fingerprint"] == filled.dataset.fingerprint
        assert place == str(Store(filled.place).folder(filled.dataset))


def test_lineage_shows_both_ways(contextfirst: Cli, filled: Filled) -> None:
    back = contextfirst("lineage", "demo/upper", "--store", filled.place)
    assert back.out.splitlines()[0].startswith("upper/")
    assert f"source: {filled.note}" in back.out
    forth = contextfirst("lineage", str(filled.note), "--store", filled.place)
    assert "made from it: upper/" in forth.out


def test_verify_passes_what_is_whole_and_names_what_is_not(contextfirst: Cli, filled: Filled) -> None:
    assert contextfirst("verify", "--store", filled.place).code == 0
    (Store(filled.place).folder(filled.note) / "note.txt").write_text("b")
    for words in (["verify"], ["verify", str(filled.note)]):
        done = contextfirst(*words, "--store", filled.place)
        assert done.code == 1
        assert f"{filled.note}: note.txt is not what was written" in done.out
    assert contextfirst("verify", "demo/dataset", "--store", filled.place).code == 0


def test_gc_says_what_would_go_and_then_removes_it(contextfirst: Cli, filled: Filled) -> None:
    store = Store(filled.place)
    kept = contextfirst("gc", "--dry-run", "--store", filled.place)
    assert "would go: 0 artifacts" in kept.out
    dry = contextfirst("gc", "--dry-run", "--keep-days", "0", "--store", filled.place)
    assert "would go: 1 artifacts" in dry.out and str(filled.loose) in dry.out
    assert len(list(store.manifests())) == 6
    contextfirst("gc", "--keep-days", "0", "--store", filled.place)
    assert filled.loose not in {manifest.artifact for manifest in store.manifests()}
    assert len(list(store.manifests())) == 5


def test_dataset_is_published_whole_and_only_once(contextfirst: Cli, filled: Filled, tmp_path: Path) -> None:
    done = contextfirst("publish", "demo/dataset", "--to", "deep/out", "--store", filled.place)
    assert done.code == 0
    assert files_below(tmp_path / "deep/out") == files_below(Store(filled.place).folder(filled.dataset))
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    again = contextfirst("publish", "demo/dataset", "--to", "deep/out", "--store", filled.place)
    assert again.code == 2 and "is not empty" in again.err


def test_dataset_is_published_into_an_empty_folder(contextfirst: Cli, filled: Filled, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert contextfirst("publish", "demo/dataset", "--to", "out", "--store", filled.place).code == 0
    assert (tmp_path / "out" / "README.md").exists()
