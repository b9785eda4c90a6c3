"""A folder outside the store: whole or absent, and blamed for its own faults alone."""

import errno
import os
from pathlib import Path

import pytest

from schemas.values import UserError
from storage.files import write_text
from storage.outside import copy_into, whole_folder
from tests.stages import files_below, one_line


def test_folder_is_there_when_the_block_is_through_and_nothing_is_when_it_fails(tmp_path: Path) -> None:
    for fault in (None, KeyError("of the block")):
        to = tmp_path / f"out-{fault is None}"
        try:
            with whole_folder(to, "--out") as folder:
                (folder / "rows").write_text("rows")
                assert not to.exists()
                if fault:
                    raise fault
        except KeyError as error:
            assert error is fault
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["out-True", "out-True/rows"]


def test_two_who_write_one_folder_do_not_meet_before_its_end(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "out", "--out") as first:
        (first / "rows").write_text("first")
        with (
            pytest.raises(UserError, match="cannot be written"),
            whole_folder(tmp_path / "out", "--out") as second,
        ):
            (second / "rows").write_text("second")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "rows").write_text("of a third")
        (tmp_path / "out" / "rows").unlink()
        assert (first / "rows").read_text() == "first"
    assert (tmp_path / "out" / "rows").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_place_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, why in ((tmp_path, "not empty"), (tmp_path / "file", "no folder")):
        with (
            pytest.raises(UserError, match=f"{why}: name another folder with --out") as caught,
            whole_folder(place, "--out"),
        ):
            raise AssertionError("nothing is written")
        one_line(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        OSError(errno.EROFS, os.strerror(errno.EROFS)),
    ],
    ids=["full", "quota", "read-only"],
)
def test_disk_that_takes_no_more_is_the_targets_fault(tmp_path: Path, fault: OSError) -> None:
    with (
        pytest.raises(UserError, match=rf"out cannot be written \({fault.strerror}\): name another") as caught,
        whole_folder(tmp_path / "out", "--out"),
    ):
        raise fault
    one_line(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_made_there_is_the_targets_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"cannot be written \(Not a directory\): name another folder with --to"),
        whole_folder(tmp_path / "file" / "out", "--to"),
    ):
        raise AssertionError("nothing is written")
    with (
        pytest.raises(UserError, match=r"cannot be written \(Is a directory\)"),
        whole_folder(tmp_path / "out", "--to") as folder,
    ):
        folder.write_text("a file")


def test_source_that_cannot_be_read_is_not_the_targets_fault(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "clip.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "out", "--out") as folder:
        copy_into(folder, tmp_path / "source")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_copy_is_of_all_that_lies_below(tmp_path: Path) -> None:
    for name in ("rows", "figures/of/one", "figures/two"):
        write_text(tmp_path / "source" / name, name)
    (tmp_path / "source" / "empty").mkdir()
    with whole_folder(tmp_path / "out", "--out") as folder:
        copy_into(folder, tmp_path / "source")
    assert files_below(tmp_path / "out") == files_below(tmp_path / "source")
    assert (tmp_path / "out" / "empty").is_dir()


def test_full_disk_of_another_place_is_not_the_targets_fault(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"), whole_folder(tmp_path / "out", "--out"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "cache"))
