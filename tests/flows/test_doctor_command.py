"""`contextfirst doctor`: what a newcomer lacks is named with what to do, nothing is changed, and no key is shown."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from flows import cli
from flows.checkup import keeping, machine
from flows.checkup.asked import hub, recipe_itself
from flows.checkup.finding import Finding, Findings
from flows.checkup.packages import packages
from flows.checkup.providers import providers
from llm.log import open_log
from recipes.reading import read_recipe
from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.draft import lease
from storage.store import Store
from tests.llm.vendors.faults import Behaviour
from tests.llm.vendors.server import Vendors, serving
from tests.stages import Note, files_below, made, note

KEY = "sk-key-that-must-not-show"
ROOT = Path(__file__).resolve().parents[2]


def only(findings: Iterator[Finding], name: str) -> Finding:
    (found,) = (finding for finding in findings if finding.name == name)
    return found


def verdicts(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in findings}


# Packages


def tree(folder: Path, dependencies: list[str], constraints: str) -> Path:
    (folder / "pyproject.toml").write_text(f"[project]\ndependencies = {json.dumps(dependencies)}\n")
    (folder / "constraints.txt").write_text(constraints)
    return folder


def test_packages_as_they_are_pinned_are_fine(tmp_path: Path) -> None:
    root = tree(tmp_path, ["typer>=0.1"], f"# made\ntyper=={version('typer')}\nnot-installed==1\n")
    assert verdicts(packages(root)) == {"versions": "ok"}


def test_package_that_is_missing_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path, ["not_there[extra]>=1", "typer"], f"typer=={version('typer')}\n")
    found = only(packages(root), "not-there")
    assert (found.verdict, found.said) == ("broken", "is not installed")
    assert "make install" in found.mend


def test_other_version_is_broken_where_the_very_one_is_needed_and_else_a_note(tmp_path: Path) -> None:
    root = tree(tmp_path, ["typer==0.0.1", "rich>=1"], "typer==0.0.1\nrich==0.0.2\nPyYAML==0.0.3\n")
    found = {finding.name: finding for finding in packages(root)}
    assert {name: one.verdict for name, one in found.items()} == {"typer": "broken", "rich": "note", "pyyaml": "note"}
    assert found["typer"].said == f"{version('typer')} is installed, 0.0.1 is pinned"


def test_local_version_of_a_build_is_the_pinned_one(tmp_path: Path) -> None:
    torch = version("torch").partition("+")[0]
    assert verdicts(packages(tree(tmp_path, [f"torch=={torch}"], f"torch=={torch}\n"))) == {"versions": "ok"}


# The store


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=str(tmp_path / "store"))


@pytest.fixture
def artifact(runtime: Runtime) -> Artifact:
    return made(note(Note(text="a"), runtime))


def test_store_that_is_not_there_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    assert verdicts(keeping.store(tmp_path / "store", ""))["place"] == "ok"
    assert not (tmp_path / "store").exists()


def test_store_where_nothing_can_be_written_is_broken() -> None:
    found = only(keeping.store(Path("/proc/contextfirst"), ""), "place")
    assert found.verdict == "broken" and "--store" in found.mend


def test_whole_store_is_left_as_it_was(runtime: Runtime, artifact: Artifact, tmp_path: Path) -> None:
    before = {name for name in files_below(tmp_path) if ".index" not in name}
    found = {finding.name: finding for finding in keeping.store(Path(runtime.store), "")}
    assert {one.verdict for one in found.values()} == {"ok"}
    assert "1 artifacts; the bytes of 1 were read" in found["artifacts"].said
    assert {name for name in files_below(tmp_path) if ".index" not in name} == before


def test_file_that_is_not_what_was_written_is_named(runtime: Runtime, artifact: Artifact) -> None:
    (Store(runtime.store).folder(artifact) / "note.txt").write_text("b")
    found = only(keeping.store(Path(runtime.store), ""), "artifacts")
    assert found.verdict == "broken" and "note.txt is not what was written" in found.said


def test_manifest_that_is_none_is_named(runtime: Runtime, artifact: Artifact) -> None:
    (Store(runtime.store).folder(artifact) / "manifest.json").write_text("{}")
    found = [one for one in keeping.store(Path(runtime.store), "") if one.name == "artifacts"]
    assert [one.verdict for one in found] == ["broken", "ok"]
    assert "is not a manifest" in found[0].said


def test_who_makes_an_artifact_is_told(runtime: Runtime, artifact: Artifact) -> None:
    place = Path(runtime.store) / ".drafts" / "sft" / "abc.lease"
    with lease(place, lambda _: None, "demo-run"):
        found = only(keeping.store(Path(runtime.store), ""), "leases")
    assert found.verdict == "note"
    assert f"process {os.getpid()}" in found.said and "run demo-run" in found.said


def test_response_log_is_read_and_a_damaged_one_is_broken(runtime: Runtime, artifact: Artifact, tmp_path: Path) -> None:
    log = tmp_path / "log" / "responses.sqlite"
    with closing(open_log(log)):
        pass
    assert (
        only(keeping.store(Path(runtime.store), str(log.parent)), "responses").said == "0 answers and 0 failures kept"
    )
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("PRAGMA user_version = 99")
    found = only(keeping.store(Path(runtime.store), str(log.parent)), "responses")
    assert found.verdict == "broken" and "has format 99" in found.said
    log.write_bytes(b"no database at all" * 500)
    assert only(keeping.store(Path(runtime.store), str(log.parent)), "responses").verdict == "broken"


# Language models


def asked(provider: str, model: str = "m") -> Iterator[Finding]:
    """What is found of a recipe that asks one provider everywhere."""
    users = ("rewrite", "rate", "judge", "stages.grpo1.params.judge", "stages.grpo2.params.judge")
    return providers(read_recipe("demo", [f"{user}={{provider: {provider}, model: {model}}}" for user in users]))


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    with serving(Behaviour(models=("m", "n"), api_keys=frozenset({KEY}))) as running:
        yield running


@pytest.fixture(params=["openai", "gemini"])
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, vendors: Vendors) -> str:
    """One of two providers behind the same server, with its key set."""
    monkeypatch.setenv("OPENAI_BASE_URL", vendors.openai)
    monkeypatch.setenv("GEMINI_BASE_URL", vendors.gemini)
    monkeypatch.setenv(f"{request.param.upper()}_API_KEY", KEY)
    return request.param


def test_provider_that_answers_and_knows_the_model_is_fine(provider: str) -> None:
    assert [finding.verdict for finding in asked(provider)] == ["ok"]


def test_model_that_is_not_listed_is_named(provider: str) -> None:
    answers, unknown = asked(provider, "other")
    assert (answers.verdict, unknown.verdict) == ("ok", "note")
    assert "does not list other; it lists m, n" in unknown.said


def test_key_that_is_not_taken_is_broken_and_not_shown(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "sk-another-key-that-must-not-show"
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", wrong)
    (found,) = asked(provider)
    assert found.verdict == "broken" and "does not take the key" in found.said
    assert wrong not in found.model_dump_json()


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_key_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = asked(name)
    assert found.verdict == "broken" and found.said == f"{name.upper()}_API_KEY is not set"
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    (found,) = asked(name)
    assert found.verdict == "note" and f"`{name}-api-key`" in found.said


def test_server_that_is_not_there_is_broken_and_its_password_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://me:{KEY}@127.0.0.1:9/v1")
    (found,) = asked("openai")
    assert found.verdict == "broken" and "127.0.0.1:9 does not answer" in found.said
    assert KEY not in found.model_dump_json()


def test_offline_provider_asks_nobody() -> None:
    assert [finding.verdict for finding in asked("offline")] == ["ok"]


# The recipe, the hub, the machine


def test_recipe_whose_folders_are_not_there_is_broken() -> None:
    found = recipe_itself(read_recipe("demo", ["sources.emer.folder=nowhere"]))
    assert found.verdict == "broken" and "folder nowhere does not exist" in found.said


def test_hub_is_asked_only_for_recipes_that_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(hub(read_recipe("demo"))) == []
    asks = read_recipe("demo", ["sources.emer.folder=hub:owner/name", "sources.emer.revision=latest"])
    (found,) = hub(asks)  # the tests' own surroundings forbid the hub
    assert found.verdict == "broken" and "HF_HUB_OFFLINE is set" in found.said


def test_process_that_cannot_say_what_it_found_is_a_finding() -> None:
    command = [sys.executable, "-c", "raise ImportError('no such library')"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    (found,) = machine.device(process)
    assert (found.verdict, found.said) == ("broken", "ImportError: no such library")


def test_server_of_prefect_that_does_not_answer_is_broken() -> None:
    found = machine._server("http://name:secret-word@127.0.0.1:9/api")
    assert found.verdict == "broken" and "127.0.0.1:9" in found.said
    assert "secret-word" not in found.model_dump_json()


# The command


Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["contextfirst", "doctor", *words, "--store", str(tmp_path / "store")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def test_everything_is_looked_at_and_no_key_is_written(
    command: Command,
    vendors: Vendors,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", vendors.openai)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", KEY)
    words = ("demo", "--set", "judge={provider: openai, model: other}", "--json", str(tmp_path / "found.json"))
    code = command(*words)
    shown = capfd.readouterr()
    written = (tmp_path / "found.json").read_text()
    found = Findings.model_validate_json(written)
    assert code == (0 if found.usable else 1)
    assert {finding.part for finding in found.findings} == {
        *("Python", "packages", "store", "recipe", "providers", "media", "device", "Prefect")
    }
    assert {finding.verdict for finding in found.findings if finding.part in ("media", "store", "recipe")} == {"ok"}
    assert "correct `model` in the recipe" in shown.out
    assert KEY not in shown.out + shown.err + written


def test_what_is_broken_ends_with_1_and_a_wrong_recipe_with_2(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "_TORCH", "raise SystemExit('no torch')")
    assert command("demo", "--set", "rewrite={provider: gemini, model: m}") == 1
    said = capsys.readouterr().out
    assert "GEMINI_API_KEY is not set" in said and "no torch" in said and "2 broken" in said
    assert command("dmo") == 2
    assert "did you mean 'demo'" in capsys.readouterr().err


def test_doctor_itself_imports_neither_torch_nor_prefect() -> None:
    code = "import sys; import flows.doctor_command; print(sorted({'torch', 'prefect', 'decord'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
