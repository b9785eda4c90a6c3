"""Whatever one file does to the process that decodes it, every other file gets its answer."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.probe_pool import ask_all
from media.worker import Worker
from tests.media.clips import Pictures, Tone, encode

HOSTILE = "tests.media.hostile_worker"
SEEN = "a probe"


def answers(paths: list[Path], workers: int = 2, deadline: float = 30.0) -> dict[str, str]:
    files = [(path.name, str(path)) for path in paths]
    found = dict(ask_all(files, workers, deadline, 60.0, HOSTILE))
    return {name: SEEN if answer.startswith("{") else answer for name, answer in found.items()}


def hear(worker: Worker, path: Path) -> str:
    worker.ask(str(path))
    while (answer := worker.hear()) is None:
        pass
    return answer


def handles(pid: int) -> int:
    """Files and pipes that a process holds open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def resident(pid: int) -> int:
    """Bytes of a process that lie in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_file_that_hangs_costs_its_own_answer_alone(tmp_path: Path) -> None:
    found = answers([tmp_path / name for name in ("a", "hangs", "b", "c")], deadline=1.0)
    assert found == {"a": SEEN, "hangs": "deadline", "b": SEEN, "c": SEEN}


@pytest.mark.parametrize("workers", [1, 3])
def test_file_that_kills_its_process_costs_its_own_answer_alone(tmp_path: Path, workers: int) -> None:
    found = answers([tmp_path / name for name in ("kills", "a", "b")], workers)
    assert found == {"kills": "crashed", "a": SEEN, "b": SEEN}


def test_file_over_which_a_process_dies_once_is_asked_again(tmp_path: Path) -> None:
    assert answers([tmp_path / "kills once"]) == {"kills once": SEEN}
    assert (tmp_path / "was killed").exists()


def test_what_a_decoder_prints_is_no_answer(tmp_path: Path) -> None:
    assert answers([tmp_path / "chatters", tmp_path / "a"], workers=1) == {"chatters": SEEN, "a": SEEN}


def test_process_that_died_between_two_files_is_replaced(tmp_path: Path) -> None:
    worker = Worker(HOSTILE, 30.0, 60.0)
    try:
        answer = hear(worker, tmp_path / "a")
        first = worker.pid
        assert first
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        assert hear(worker, tmp_path / "a") == answer
        assert worker.pid != first
    finally:
        worker.end()
    assert worker.pid is None


def test_process_that_cannot_start_is_no_files_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        dict(ask_all([("a", str(tmp_path / "a"))], 1, 30.0, 60.0, "media.no_such_module"))
    assert "no_such_module" in capfd.readouterr().err


def test_files_are_taken_only_when_they_can_be_asked(tmp_path: Path) -> None:
    taken = []

    def endless() -> Iterator[tuple[int, str]]:
        while True:
            taken.append(len(taken))
            yield taken[-1], str(tmp_path / "a")

    found = ask_all(endless(), 2, 30.0, 60.0, HOSTILE)
    assert {next(found)[0] for _ in range(5)} < set(taken)
    assert len(taken) <= 5 + 2
    found.close()  # type: ignore[attr-defined]


def test_pipes_close_with_the_last_answer(tmp_path: Path) -> None:
    before = handles(os.getpid())
    answers([tmp_path / name for name in ("a", "kills", "hangs", "b")], deadline=1.0)
    assert handles(os.getpid()) <= before


def test_a_thousand_probes_leave_no_file_open_and_no_memory_behind(tmp_path: Path) -> None:
    clip = encode(tmp_path / "a.mp4", Pictures(times=range(0, 400, 100)), Tone(seconds=0.4))
    broken = tmp_path / "b.mp4"
    broken.write_bytes(clip.read_bytes()[:-200])
    worker = Worker("media.probe_worker", 30.0, 60.0)
    try:
        for _ in range(100):
            assert "video" in hear(worker, clip)
            assert "undecodable" in hear(worker, broken)
        pid = worker.pid
        assert pid
        opened, memory = handles(pid), resident(pid)
        for _ in range(400):
            assert "video" in hear(worker, clip)
            assert "undecodable" in hear(worker, broken)
        assert worker.pid == pid
        assert handles(pid) == opened
        assert resident(pid) - memory < 30 * 2**20
    finally:
        worker.end()
