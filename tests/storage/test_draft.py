"""Leases and drafts."""

import os
import threading
from pathlib import Path

import pytest

from storage.digests import hash_file
from storage.draft import Draft, is_held, lease, set_work_aside
from storage.files import whole_file, write_text


def silent(_holder: str) -> None:
    raise AssertionError("nobody holds it")


def ignored(_done: int, _total: int, _unit: str) -> None:
    pass


def test_lease_is_held_within_the_block_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.lease"
    assert not is_held(path)
    with lease(path, silent):
        assert is_held(path)
    assert not is_held(path)


def test_lease_is_let_go_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lease(tmp_path / "a.lease", silent):
        raise ZeroDivisionError
    assert not is_held(tmp_path / "a.lease")


def test_file_of_a_dead_holder_is_no_lease(tmp_path: Path) -> None:
    (tmp_path / "a.lease").write_text('{"pid": 1}')
    assert not is_held(tmp_path / "a.lease")
    with lease(tmp_path / "a.lease", silent):
        pass


def test_waiter_is_told_once_who_holds_the_lease(tmp_path: Path) -> None:
    path, told, waiting = tmp_path / "a.lease", list[str](), threading.Event()

    def on_wait(holder: str) -> None:
        told.append(holder)
        waiting.set()

    def wait() -> None:
        with lease(path, on_wait):
            told.append("held")

    with lease(path, silent):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert waiting.wait(20)
    waiter.join()
    assert str(os.getpid()) in told[0]
    assert told[1:] == ["held"]


def test_many_threads_hold_one_lease_one_after_another(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "a.lease", list[int](), list[int]()

    def hold() -> None:
        for _ in range(5):
            with lease(path, lambda _holder: None):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 15


def test_opening_a_draft_keeps_finished_files_and_removes_half_written_ones(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "draft", "inputs", ignored)
    write_text(draft.folder / "whole.txt", "whole")
    write_text(draft.folder / ".hidden", "a file of the stage, although its name begins with a dot")
    (draft.folder / "deep").mkdir()
    for path in (draft.folder / "half.txt", draft.folder / "deep" / "half.txt"):
        with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
            temporary.write_text("half")
            os.link(temporary, temporary.with_name(temporary.name + ".left"))
            raise KeyboardInterrupt
        left = temporary.with_name(temporary.name + ".left")
        left.rename(temporary)  # as a kill leaves it
    again = Draft(tmp_path / "draft", "inputs", ignored)
    assert [file.path for file in again.files(lambda _path: "0")] == [".hidden", "whole.txt"]


def test_what_a_killed_process_left_half_written_is_no_file_of_the_artifact(tmp_path: Path) -> None:
    """A lane that is killed is begun again within the same run, whose draft stays open."""
    draft = Draft(tmp_path / "draft", "inputs", ignored)
    write_text(draft.folder / "examples.txt", "rows")
    (draft.folder / ".examples.txt.14022-140146525903744.tmp").write_text("ro")
    assert [file.path for file in draft.files(hash_file)] == ["examples.txt"]
    assert not list(draft.folder.glob(".*.tmp"))


def test_draft_of_other_inputs_is_started_afresh(tmp_path: Path) -> None:
    write_text(Draft(tmp_path / "draft", "before", ignored).folder / "shard.txt", "made from what is no more")
    again = Draft(tmp_path / "draft", "after", ignored)
    assert again.files(lambda _path: "0") == []
    assert again.work.exists()


def test_draft_that_was_killed_on_the_way_to_its_place_has_its_work_again(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "draft", "inputs", ignored)
    (draft.work / "checkpoint").write_text("many weights")
    (draft.folder / "model").write_text("weights")
    aside = set_work_aside(draft.folder, tmp_path / "trash")
    assert not draft.work.exists()
    again = Draft(tmp_path / "draft", "inputs", ignored)
    assert (again.work / "checkpoint").read_text() == "many weights"
    assert (again.folder / "model").exists() and not aside.exists()


def test_whole_file_is_absent_after_a_failure_and_leaves_the_old_one(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old"}


def test_two_threads_may_write_one_file(tmp_path: Path) -> None:
    failures: list[Exception] = []
    start = threading.Barrier(3)

    def write_often(text: str) -> None:
        start.wait()
        try:
            for _ in range(100):
                write_text(tmp_path / "a.txt", text)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write_often, args=(text,)) for text in ("one", "two", "six")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (tmp_path / "a.txt").read_text() in ("one", "two", "six")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
