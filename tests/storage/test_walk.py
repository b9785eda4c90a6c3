"""What a listing finds in a user's folder: files behind links too, each once a path, and no machine's leftovers."""

import os
from pathlib import Path

import pytest

from schemas.values import UserError
from storage.digests import DigestIndex
from storage.folder import Folder, list_folder, read_listing, write_listing
from storage.walk import walk
from tests.stages import one_line


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def found(root: Path) -> list[str]:
    return sorted(name for name, _ in walk(root))


def listed(root: Path, tmp_path: Path, *patterns: str) -> list[str]:
    index = DigestIndex(tmp_path / "index.sqlite")
    return [entry.path for entry in list_folder(root, tmp_path / "blobs", index, 1, patterns)]


def test_files_are_named_from_the_root_whatever_they_are_called(tmp_path: Path) -> None:
    names = ["a.json", "clips of mine/1.mp4", "clips of mine/später/[2] 'two'.mp4"]
    assert found(tree(tmp_path / "set", *names)) == sorted(names)


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    root = tree(tmp_path / "set", "a.json", ".git/config", ".cache/huggingface/a", "clips/.DS_Store", "__MACOSX/._a")
    assert found(root) == ["a.json"]
    assert found(tree(tmp_path / ".datasets" / "set", "b.json")) == ["b.json"]


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    root, disk = tree(tmp_path / "set", "a.json"), tree(tmp_path / "disk", "1.mp4", "more/2.mp4")
    (root / "clips").symlink_to(disk)
    (root / "alone.mp4").symlink_to(disk / "1.mp4")
    assert found(root) == ["a.json", "alone.mp4", "clips/1.mp4", "clips/more/2.mp4"]
    assert dict(walk(root))["clips/1.mp4"] == dict(walk(disk))["1.mp4"]


def test_folder_that_is_linked_into_itself_is_entered_once(tmp_path: Path) -> None:
    root, other = tree(tmp_path / "set", "a.json", "clips/1.mp4"), tree(tmp_path / "other", "2.mp4")
    (root / "clips" / "up").symlink_to(root)
    (root / "there").symlink_to(other)
    (other / "back").symlink_to(root)
    assert found(root) == ["a.json", "clips/1.mp4", "there/2.mp4"]


def test_link_that_leads_nowhere_or_to_itself_and_pipes_are_no_files(tmp_path: Path) -> None:
    root = tree(tmp_path / "set", "a.json")
    (root / "gone.mp4").symlink_to(tmp_path / "gone")
    (root / "self").symlink_to(root / "self")
    os.mkfifo(root / "pipe")
    assert found(root) == ["a.json"]


def test_name_that_is_no_text_is_a_mistake_that_shows_it(tmp_path: Path) -> None:
    root = tree(tmp_path / "set", "a.json")
    Path(os.fsdecode(os.fsencode(root) + b"/clip-\xff.mp4")).write_bytes(b"x")
    with pytest.raises(UserError, match="no UTF-8 text: rename it") as caught:
        found(root)
    assert "clip-" in one_line(caught.value)


def test_patterns_choose_files_across_folders(tmp_path: Path) -> None:
    root = tree(tmp_path / "set", "qa.json", "deep/qa.json", "deep/1.mp4", "2.mp4")
    assert listed(root, tmp_path, "*.json", "2*") == ["2.mp4", "deep/qa.json", "qa.json"]
    with pytest.raises(UserError, match=r"holds no file that fits \*\.csv") as caught:
        listed(root, tmp_path, "*.csv")
    one_line(caught.value)


def test_listing_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    root = tree(tmp_path / "set", *(f"clips/{number:04d}.mp4" for number in range(1200)))
    entries = list_folder(root, tmp_path / "blobs", DigestIndex(tmp_path / "index.sqlite"), 2)
    write_listing(tmp_path / "listing", entries)
    folder = read_listing(tmp_path / "listing", tmp_path / "blobs")
    assert [folder.entry(name) for name in folder.names()] == entries
    assert folder.local("clips/0007.mp4").read_text() == "clips/0007.mp4"
    assert isinstance(folder, Folder) and "clips/9999.mp4" not in folder


def test_second_listing_of_an_unchanged_folder_reads_and_links_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "set", "a.mp4", "clips/b.mp4")
    (root / "same.mp4").write_text("a.mp4")
    before = listed(root, tmp_path)

    def never(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr("storage.digests.hash_file", never)
    monkeypatch.setattr("storage.blobs.os.replace", never)
    assert listed(root, tmp_path) == before
