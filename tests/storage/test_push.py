"""Pushing a dataset to a hub, through the real client and over the real protocol."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from schemas.failures import HubUnreachable
from schemas.values import UserError
from storage.publishing.push import push
from tests.stages import files_below, one_line
from tests.storage.hub_repository import Hub, hub

# The client's own way to send a file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

TOKEN = "hf_invented"
FILES = {
    "README.md": b"---\nlicense: mit\n---\n",
    "croissant.json": b"{}",
    "manifest.json": b"{}",
    "data/train-00000-of-00001.parquet": b"PAR1 rows PAR1",
    "rejects/rejects-00000.parquet": b"PAR1 rejects PAR1",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub() as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its store has no protocol that a test can speak
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running
        huggingface_hub.close_session()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "dataset" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "dataset"


def test_every_file_arrives_with_its_bytes_in_one_commit(server: Hub, folder: Path) -> None:
    address = push(folder, "owner/rows", private=True, message="contextfirst publish/abc, content def")
    assert address == f"{server.address}/datasets/owner/rows"
    assert server.files == files_below(folder) | {".gitattributes": b""}
    assert [commit.message for commit in server.commits] == ["contextfirst publish/abc, content def"]
    assert server.private is True
    assert server.tokens == {f"Bearer {TOKEN}"}


def test_public_is_public(server: Hub, folder: Path) -> None:
    push(folder, "owner/rows", private=False, message="m")
    assert server.private is False


def test_new_version_leaves_no_table_of_an_earlier_one(server: Hub, folder: Path) -> None:
    push(folder, "owner/rows", private=True, message="first")
    (folder / "data/train-00000-of-00001.parquet").rename(folder / "data/train-00000-of-00002.parquet")
    push(folder, "owner/rows", private=True, message="second")
    assert server.files == files_below(folder) | {".gitattributes": b""}
    assert server.commits[1].deleted == {"data/train-00000-of-00001.parquet"}


def test_repository_with_other_content_is_left_alone(server: Hub, folder: Path) -> None:
    server.files = {".gitattributes": b"", "thesis.pdf": b"%PDF"}
    with pytest.raises(UserError) as error:
        push(folder, "owner/rows", private=True, message="m")
    assert "thesis.pdf" in one_line(error.value)
    assert server.files == {".gitattributes": b"", "thesis.pdf": b"%PDF"}


@pytest.mark.parametrize(("status", "said"), [(401, "does not know the token"), (403, "may not write")])
def test_refusal_is_one_line_without_the_token(server: Hub, folder: Path, status: int, said: str) -> None:
    server.refuse = status
    with pytest.raises(UserError, match=said) as error:
        push(folder, "owner/rows", private=True, message="m")
    assert TOKEN not in one_line(error.value)


def test_without_a_token_nobody_is_asked(server: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="HF_TOKEN is not set"):
        push(folder, "owner/rows", private=True, message="m")
    assert server.requests == []


@pytest.mark.parametrize("name", ["rows", "owner/", "a/b/c", "../rows", "owner/my rows"])
def test_wrong_name_is_refused_before_anybody_is_asked(server: Hub, folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="no name of a hub dataset"):
        push(folder, name, private=True, message="m")
    assert server.requests == []


@pytest.mark.parametrize("status", [425, 507])
def test_fault_of_the_hub_is_no_mistake_of_the_user(server: Hub, folder: Path, status: int) -> None:
    server.refuse = status
    with pytest.raises(HubUnreachable, match=f"the hub answered {status}"):
        push(folder, "owner/rows", private=True, message="m")


@pytest.mark.parametrize("status", [400, 409, 410, 413, 451])
def test_what_the_hub_will_not_take_is_the_users_to_mend(server: Hub, folder: Path, status: int) -> None:
    server.refuse = status
    with pytest.raises(UserError, match=rf"the hub refused it \({status}\)") as error:
        push(folder, "owner/rows", private=True, message="m")
    one_line(error.value)
