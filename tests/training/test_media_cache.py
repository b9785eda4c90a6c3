"""Media out of the cache are the media decoded on the fly, whatever became of the files on disk meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import Qwen2_5OmniProcessor

from media.errors import MediaError
from schemas.example import Example, Media
from schemas.training import Job, MediaSettings, View
from tests.training.clips import example, keep, write_picture, write_sound, write_video
from tests.training.conftest import BLUE, RED
from training.decoding import Crew
from training.inputs import Encoder, Inputs
from training.media_cache import MediaCache, open_cache, trim
from training.media_entry import HEADER, Damaged, read_entry, write_entry
from training.pieces import Clip, Decoded, OnTheFly, Picture, Sound
from training.prompts import AudioLayout
from training.resizing import Bounds

SETTINGS = MediaSettings(fps=4, max_frames=8, min_pixels=56 * 56, max_pixels=112 * 112)
SAMPLES = Decoded(np.arange(1000, dtype=np.float32))


@pytest.fixture(scope="module")
def crew() -> Crew:
    return Crew(1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, blobs: Path) -> dict[str, Example]:
    """Clips that are shown smaller and larger than they are, cut ones, silent ones, and what is no clip."""
    made = tmp_path_factory.mktemp("rows")
    large = keep(blobs, write_video(made / "large.mp4", RED, 400, seconds=3.0, scale=4), "video", has_audio=True)
    small = keep(blobs, write_video(made / "small.mp4", BLUE, 900), "video", has_audio=True)
    silent = keep(blobs, write_video(made / "silent.mp4", RED, None, scale=3), "video")
    picture = keep(blobs, write_picture(made / "picture.png", BLUE), "image")
    sound = keep(blobs, write_sound(made / "sound.wav", 700), "audio", has_audio=True)
    cut = large.model_copy(update={"start": 0.75, "end": 2.25})
    return {
        "one": example("one", large, silent),
        "cut": example("cut", cut, small),
        "picture and sound": example("picture and sound", picture, sound),
    }


@pytest.fixture
def cache(tmp_path: Path, blobs: Path, crew: Crew) -> MediaCache:
    return MediaCache(tmp_path / "cache", blobs, crew)


def clip(medium: Media, fps: float = 4.0) -> Clip:
    return Clip(
        digest=medium.digest,
        start=None,
        end=None,
        fps=fps,
        max_frames=8,
        bounds=Bounds(factor=28, least=56 * 56, most=112 * 112),
    )


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def assert_equal(found: Inputs, wanted: Inputs) -> None:
    assert found.ids == wanted.ids
    assert found.tensors.keys() == wanted.tensors.keys()
    assert all(torch.equal(found.tensors[name], wanted.tensors[name]) for name in wanted.tensors)


@pytest.mark.parametrize("view", ["full", "muted", "blind"])
@pytest.mark.parametrize("audio", ["interleaved", "separate"])
def test_cached_media_give_the_tensors_of_media_decoded_on_the_fly(
    audio: AudioLayout,
    view: View,
    rows: dict[str, Example],
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    cache: MediaCache,
) -> None:
    settings = SETTINGS.model_copy(update={"audio": audio})
    fresh = Encoder(processor, settings, blobs)
    for _ in ("decoded now", "mapped"):
        kept = Encoder(processor, settings, blobs, pieces=cache)
        for row in rows.values():
            assert_equal(kept.encode(row, "direct", view), fresh.encode(row, "direct", view))


def test_another_run_needs_the_file_no_more(rows: dict[str, Example], blobs: Path, crew: Crew, tmp_path: Path) -> None:
    medium = rows["one"].media[0]
    first = MediaCache(tmp_path, blobs, crew).read(clip(medium))
    again = MediaCache(tmp_path, tmp_path / "no blobs", crew).read(clip(medium))
    assert np.array_equal(first.values, again.values)
    assert first[1:] == again[1:]


def test_a_job_keeps_media_where_it_says_and_else_beside_its_checkpoints(
    rows: dict[str, Example], blobs: Path, tmp_path: Path
) -> None:
    job = Job(examples="", blobs=str(blobs), checkpoint="", out="", work=str(tmp_path / "work"))
    shared = job.model_copy(update={"media_cache": str(tmp_path / "shared")})
    for each, folder in ((job, tmp_path / "work" / "media"), (shared, tmp_path / "shared")):
        open_cache(each).read(Picture(digest=rows["picture and sound"].media[0].digest))
        assert len(entries(folder)) == 1


def test_frames_are_kept_as_large_as_they_are_shown_and_never_larger_than_they_are(
    rows: dict[str, Example], cache: MediaCache
) -> None:
    large, small = cache.read(clip(rows["one"].media[0])), cache.read(clip(rows["cut"].media[1]))
    assert large.values.shape == (8, 84, 112, 3) == (8, *large.size, 3)
    assert small.values.shape == (8, 48, 64, 3)
    assert small.size == (56, 56)


def test_another_rate_is_another_entry(rows: dict[str, Example], cache: MediaCache, tmp_path: Path) -> None:
    medium = rows["one"].media[0]
    assert len(cache.read(clip(medium, fps=4)).values) == 8
    assert len(cache.read(clip(medium, fps=1)).values) == 2
    assert len(entries(tmp_path / "cache")) == 2


@pytest.mark.parametrize("damage", ["cut short", "emptied", "a bit of its frames", "a bit of its header"])
def test_a_damaged_entry_is_made_again(
    damage: str, rows: dict[str, Example], cache: MediaCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    piece = clip(rows["one"].media[0])
    whole = cache.read(piece).values.copy()
    (entry,) = entries(tmp_path / "cache")
    entry.write_bytes(damaged(entry.read_bytes(), damage))
    assert np.array_equal(cache.read(piece).values, whole)
    assert "is damaged and made again" in capsys.readouterr().err
    assert np.array_equal(cache.read(piece).values, whole)
    assert not capsys.readouterr().err


def damaged(content: bytes, damage: str) -> bytes:
    if damage in ("cut short", "emptied"):
        return content[:-1] if damage == "cut short" else b""
    at = HEADER + 1000 if damage == "a bit of its frames" else 20
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_writing_on_what_was_read_changes_nothing_on_disk(rows: dict[str, Example], cache: MediaCache) -> None:
    piece = clip(rows["one"].media[0])
    whole = cache.read(piece).values.copy()
    cache.read(piece).values[:] = 0
    assert np.array_equal(cache.read(piece).values, whole)


def test_a_silent_film_is_remembered_as_one(rows: dict[str, Example], cache: MediaCache, tmp_path: Path) -> None:
    piece = Sound(digest=rows["one"].media[1].digest, start=None, end=None, seconds=2.0)
    assert [len(cache.read(piece).values) for _ in range(2)] == [0, 0]
    assert len(entries(tmp_path / "cache")) == 1


def test_a_file_that_cannot_be_decoded_is_tried_once(blobs: Path, crew: Crew, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a video" * 100)
    medium = keep(blobs, tmp_path / "broken.mp4", "video")
    asked = Counted(crew)
    cache = MediaCache(tmp_path / "cache", blobs, asked)
    for _ in range(2):
        with pytest.raises(MediaError, match="cannot read frames"):
            cache.read(clip(medium))
    assert asked.times == 1
    assert not entries(tmp_path / "cache")


class Counted(Crew):
    """A crew that says how often it was asked."""

    def __init__(self, crew: Crew) -> None:
        self.workers, self.times, self._crew = crew.workers, 0, crew

    def write(self, *order: object) -> None:
        self.times += 1
        self._crew.write(*order)  # type: ignore[arg-type]


def test_what_is_read_ahead_is_decoded_once(
    rows: dict[str, Example], processor: Qwen2_5OmniProcessor, blobs: Path, crew: Crew, tmp_path: Path
) -> None:
    asked = Counted(crew)
    encoder = Encoder(processor, SETTINGS, blobs, pieces=MediaCache(tmp_path, blobs, asked))
    encoder.prefetch(rows.values())
    fresh = Encoder(processor, SETTINGS, blobs)
    for row in rows.values():
        assert_equal(encoder.encode(row, "direct"), fresh.encode(row, "direct"))
    # Four clips with a sound each, a picture and a sound.
    assert asked.times == len(entries(tmp_path)) == 10


def test_many_writers_of_one_entry_leave_it_whole_for_its_readers(tmp_path: Path) -> None:
    place = tmp_path / "ab" / "entry"

    def write() -> None:
        for _ in range(50):
            write_entry(place, SAMPLES)

    writers = [Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for entry in reading(place, writers):
        assert entry is None or np.array_equal(entry.values, SAMPLES.values)
    assert entries(tmp_path) == [place]


def reading(place: Path, writers: list[Thread]) -> Iterator[Decoded | None]:
    while any(writer.is_alive() for writer in writers):
        yield read_entry(place)
    yield read_entry(place)


def test_a_file_of_another_kind_is_no_entry(tmp_path: Path) -> None:
    (tmp_path / "entry").write_bytes(b"something else " * 100)
    with pytest.raises(Damaged):
        read_entry(tmp_path / "entry")


def test_what_was_longest_not_read_is_removed_first(tmp_path: Path) -> None:
    places = [tmp_path / "ab" / str(number) for number in range(4)]
    for age, place in enumerate(places):
        write_entry(place, SAMPLES)
        os.utime(place, (1000.0 - age, 1000.0 - age))
    read_entry(places[3])
    trim(tmp_path, 3 * places[0].stat().st_size)
    assert sorted(entries(tmp_path)) == [places[0], places[3]]


def test_the_cache_takes_no_more_of_its_disk_than_it_leaves_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / "ab" / str(number) for number in range(4)]
    for place in places:
        write_entry(place, SAMPLES)
    size = places[0].stat().st_size
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2 * size))
    trim(tmp_path, 1 << 30)
    assert len(entries(tmp_path)) == 2


def test_a_single_entry_may_be_larger_than_the_bound(tmp_path: Path) -> None:
    write_entry(tmp_path / "ab" / "entry", SAMPLES)
    trim(tmp_path, 1)
    assert len(entries(tmp_path)) == 1


def test_what_a_killed_writer_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    write_entry(tmp_path / "ab" / "entry", SAMPLES)
    old, new = tmp_path / "ab" / ".old.1-1.tmp", tmp_path / "ab" / ".new.1-1.tmp"
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (1000.0, 1000.0))
    trim(tmp_path, 1 << 30)
    assert sorted(entries(tmp_path)) == [new, tmp_path / "ab" / "entry"]


def test_the_folder_keeps_within_its_bytes(rows: dict[str, Example], blobs: Path, crew: Crew, tmp_path: Path) -> None:
    pieces = [clip(rows["one"].media[0], fps=fps) for fps in (1.0, 2.0, 3.0, 4.0)]
    most = 500_000
    cache, fresh = MediaCache(tmp_path, blobs, crew, most), OnTheFly(blobs)
    for piece in pieces * 2:
        assert np.array_equal(cache.read(piece).values, fresh.read(piece).values)
        assert sum(path.stat().st_size for path in entries(tmp_path)) <= most
