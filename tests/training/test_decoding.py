"""Whatever a file does to the process that decodes it, who asked for it goes on and hears why."""

import errno
from pathlib import Path

import pytest

from media.errors import MediaError
from training.decoding import Crew
from training.media_entry import read_entry
from training.pieces import Sound

PIECE = Sound(digest="ab" * 32, start=None, end=None, seconds=1.0)


@pytest.fixture(scope="module")
def crew() -> Crew:
    return Crew(1, deadline_seconds=2.0, module="tests.training.hostile_decoding")


def written(crew: Crew, folder: Path) -> list[float]:
    """What comes of a file that is well."""
    crew.write(PIECE, folder / "a", folder / "entry")
    entry = read_entry(folder / "entry")
    assert entry is not None
    (folder / "entry").unlink()
    return entry.values.tolist()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("hangs", "cannot decode hangs: it takes longer than 2 s"),
        ("kills", "cannot decode kills: the process that decoded it died, twice"),
        ("no medium", "cannot read it: there is no medium in it"),
    ],
)
def test_a_hostile_file_is_a_media_error_with_its_reason_and_the_next_one_is_decoded(
    file: str, said: str, crew: Crew, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match=said):
        crew.write(PIECE, tmp_path / file, tmp_path / "entry")
    assert not (tmp_path / "entry").exists()
    assert written(crew, tmp_path) == [0.0, 1.0, 2.0]


def test_a_disk_that_does_not_answer_is_no_files_fault(crew: Crew, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="out of reach") as error:
        crew.write(PIECE, tmp_path / "out of reach", tmp_path / "entry")
    assert error.value.errno == errno.EIO


def test_a_folder_that_cannot_be_written_is_no_files_fault(crew: Crew, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        crew.write(PIECE, tmp_path / "a", tmp_path / "file" / "entry")
    assert written(crew, tmp_path) == [0.0, 1.0, 2.0]


def test_a_process_that_cannot_start_is_no_files_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match=r"training\.no_such_module did not start"):
        Crew(1, module="training.no_such_module").write(PIECE, tmp_path / "a", tmp_path / "entry")
    assert "no_such_module" in capfd.readouterr().err
