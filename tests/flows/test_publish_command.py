"""`contextfirst publish`: out of the store into a folder, and to a hub only when that is asked for."""

import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from flows import cli
from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.store import Store
from tasks.publish import PublishParams, publish
from tests.stages import example, files_below, made, rows_of
from tests.storage.hub_repository import Hub, hub

# The client's own way to send a file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its store has no protocol that a test can speak
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("HF_TOKEN", "hf_invented")
        yield running
        huggingface_hub.close_session()


@pytest.fixture
def dataset(tmp_path: Path) -> Artifact:
    runtime = Runtime(store=str(tmp_path / "store"))
    return made(publish.fn(PublishParams(name="demo", title="Demo"), rows_of(runtime, example("1")), runtime))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dataset: Artifact):
    """Runs `publish` on the dataset in this process and returns its exit code."""

    def run(*words: str) -> int | str | None:
        given = ["contextfirst", "publish", str(dataset), *words, "--store", str(tmp_path / "store")]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code

    return run


def test_copying_asks_no_hub(command, server: Hub, tmp_path: Path) -> None:
    assert not command("--to", str(tmp_path / "out"))
    assert (tmp_path / "out" / "README.md").exists()
    assert server.requests == []


def test_pushing_takes_the_whole_artifact_and_names_its_content(
    command, server: Hub, tmp_path: Path, dataset: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not command("--push", "owner/demo")
    store = Store(tmp_path / "store")
    assert server.files == files_below(store.folder(dataset)) | {".gitattributes": b""}
    assert server.commits[0].message == f"contextfirst {dataset}, content {store.manifest(dataset).content}"
    assert server.private is True
    assert f"pushed to {server.address}/datasets/owner/demo" in capsys.readouterr().out


def test_public_and_a_copy_in_one_go(command, server: Hub, tmp_path: Path) -> None:
    assert not command("--push", "owner/demo", "--public", "--to", str(tmp_path / "out"))
    assert server.private is False
    assert (tmp_path / "out" / "README.md").exists()


def test_what_cannot_be_copied_goes_to_no_hub_either(
    command, server: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--push", "owner/demo", "--to", str(tmp_path)) == 2
    assert "is not empty" in capsys.readouterr().err
    assert server.requests == []


def test_publishing_nowhere_is_a_mistake(command, server: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert command() == 2
    assert "--to FOLDER, or --push OWNER/NAME" in capsys.readouterr().err
    assert server.requests == []


def test_folder_that_is_not_empty_is_refused_before_anything_is_pushed(command, server: Hub, tmp_path: Path) -> None:
    assert command("--push", "owner/demo", "--to", str(tmp_path)) == 2
    assert server.requests == []
