"""Sound is demuxed once by the digest of its medium, whole or not at all."""

import wave
from pathlib import Path

import pytest

from media.errors import MediaError
from storage.store import Store
from storage.waveforms import keep_wave
from tests.media.clips import Pictures, Tone, encode

DIGEST = "ab" * 32


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    return Store(tmp_path / "store").waves


def test_sound_is_kept_as_16_khz_mono_by_digest(tmp_path: Path, waves: Path) -> None:
    clip = encode(tmp_path / "a.mp4", Pictures(), Tone(rate=48000, layout="stereo"))
    place = keep_wave(waves, clip, DIGEST)
    assert place == waves / "ab" / f"{DIGEST}.wav"
    with wave.open(str(place)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16000)
        assert sound.getnframes() == pytest.approx(32000, abs=1000)


def test_sound_is_demuxed_once(tmp_path: Path, waves: Path) -> None:
    clip = encode(tmp_path / "a.mp4", Pictures(), Tone())
    place = keep_wave(waves, clip, DIGEST)
    clip.unlink()
    assert keep_wave(waves, clip, DIGEST) == place


def test_a_silent_film_has_none_and_leaves_nothing(tmp_path: Path, waves: Path) -> None:
    assert keep_wave(waves, encode(tmp_path / "a.mp4", Pictures()), DIGEST) is None
    assert not [path for path in waves.rglob("*") if path.is_file()]


def test_sound_that_cannot_be_read_is_an_error_and_leaves_nothing(tmp_path: Path, waves: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no medium")
    with pytest.raises(MediaError, match=r"a\.mp4"):
        keep_wave(waves, tmp_path / "a.mp4", DIGEST)
    assert not [path for path in waves.rglob("*") if path.is_file()]
