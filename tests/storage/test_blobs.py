"""Media by digest: links to where they lie, or the bytes themselves."""

import hashlib
import threading
from pathlib import Path

import pytest

from media.blobs import blob_path
from schemas.values import UserError
from storage.blobs import keep, link
from storage.digests import DigestIndex
from storage.folder import list_folder, tree_digest


def listed(root: Path, tmp_path: Path) -> list[str]:
    return [entry.digest for entry in list_folder(root, tmp_path / "blobs", DigestIndex(tmp_path / "index.sqlite"), 2)]


def test_files_with_the_same_content_are_one_blob(tmp_path: Path) -> None:
    for name in ("one.mp4", "deep/two.mp4"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("the same clip")
    first, second = listed(tmp_path / "folder", tmp_path)
    assert first == second == hashlib.sha256(b"the same clip").hexdigest()
    assert blob_path(tmp_path / "blobs", first).read_text() == "the same clip"
    assert len(list((tmp_path / "blobs").glob("*/*"))) == 1


def test_moved_folder_is_linked_anew_and_keeps_its_digest(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "clip.mp4").write_text("a clip")
    index = DigestIndex(tmp_path / "index.sqlite")
    before = list_folder(old, tmp_path / "blobs", index, 1)
    old.rename(new)
    assert not blob_path(tmp_path / "blobs", before[0].digest).exists()
    after = list_folder(new, tmp_path / "blobs", index, 1)
    assert tree_digest(before) == tree_digest(after)
    assert blob_path(tmp_path / "blobs", before[0].digest).read_text() == "a clip"


def test_renamed_file_changes_the_folders_digest(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a clip")
    index = DigestIndex(tmp_path / "index.sqlite")
    before = tree_digest(list_folder(tmp_path / "folder", tmp_path / "blobs", index, 1))
    (tmp_path / "folder" / "a").rename(tmp_path / "folder" / "b")
    assert tree_digest(list_folder(tmp_path / "folder", tmp_path / "blobs", index, 1)) != before


def test_bytes_are_kept_once_and_found_by_digest(tmp_path: Path) -> None:
    digest = keep(tmp_path, b"a picture")
    assert keep(tmp_path, b"a picture") == digest == hashlib.sha256(b"a picture").hexdigest()
    assert blob_path(tmp_path, digest).read_bytes() == b"a picture"
    assert [path.name for path in tmp_path.glob("*/*")] == [digest]


def test_kept_bytes_outlive_an_outside_file_with_the_same_content(tmp_path: Path) -> None:
    digest = keep(tmp_path / "blobs", b"a picture")
    (tmp_path / "outside.png").write_bytes(b"a picture")
    link(tmp_path / "blobs", tmp_path / "outside.png", digest)
    (tmp_path / "outside.png").unlink()
    assert blob_path(tmp_path / "blobs", digest).read_bytes() == b"a picture"


def test_bytes_replace_a_link_to_a_file_that_is_gone(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"a picture").hexdigest()
    link(tmp_path / "blobs", tmp_path / "gone.png", digest)
    assert keep(tmp_path / "blobs", b"a picture") == digest
    assert blob_path(tmp_path / "blobs", digest).read_bytes() == b"a picture"


def test_sources_read_side_by_side_may_share_a_file(tmp_path: Path) -> None:
    """Several source stages run in threads of one process, and the same clip may lie in each."""
    digest = hashlib.sha256(b"the same clip").hexdigest()
    paths = [tmp_path / f"{number}.mp4" for number in range(4)]
    failures: list[Exception] = []
    start = threading.Barrier(len(paths))

    def link_often(path: Path) -> None:
        start.wait()
        try:
            for turn in range(300):
                link(tmp_path / "blobs", path, digest)
                keep(tmp_path / "blobs", f"picture {turn}".encode())
        except OSError as error:
            failures.append(error)

    for path in paths:
        path.write_bytes(b"the same clip")
    threads = [threading.Thread(target=link_often, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert blob_path(tmp_path / "blobs", digest).read_bytes() == b"the same clip"


@pytest.mark.parametrize("made", [False, True])
def test_folder_that_is_missing_or_empty_is_a_mistake_that_names_it(tmp_path: Path, made: bool) -> None:
    root = tmp_path / "dataset"
    if made:
        root.mkdir()
    with pytest.raises(UserError, match=f"{root} .*download"):
        listed(root, tmp_path)
