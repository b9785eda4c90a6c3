"""Sound: one channel at 16 kHz, cut by time, and honest stand-ins for what is not to be heard."""

from pathlib import Path

import av
import numpy as np
import pytest

from media.errors import MediaError
from media.waveform import SAMPLE_RATE, muted, noise_floor, read_waveform, silence


def write_tone(path: Path, hertz: float = 440, seconds: float = 2.0, rate: int = 16000, channels: int = 1) -> Path:
    times = np.arange(round(rate * seconds)) / rate
    samples = (0.5 * np.sin(2 * np.pi * hertz * times) * 32767).astype(np.int16)
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, channels)[None], format="s16", layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def loudest(samples: np.ndarray) -> float:
    """Hz of the strongest part."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * SAMPLE_RATE / len(samples))


def read(path: Path, max_seconds: float = 60.0, start: float | None = None, end: float | None = None) -> np.ndarray:
    samples = read_waveform(path, max_seconds, start, end)
    assert samples is not None
    return samples


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_any_recording_becomes_mono_at_16_khz(rate: int, channels: int, tmp_path: Path) -> None:
    samples = read(write_tone(tmp_path / "a.wav", 440, 2.0, rate, channels))
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, rel=0.01)
    assert loudest(samples) == pytest.approx(440, abs=2)
    assert samples.std() == pytest.approx(0.5 * np.sqrt(channels / 2), rel=0.01)


def test_a_stretch_is_cut_by_seconds_and_by_the_longest_allowed(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", seconds=3.0)
    assert len(read(path, start=1.0, end=1.5)) == SAMPLE_RATE // 2
    assert len(read(path, max_seconds=0.25, start=1.0)) == SAMPLE_RATE // 4
    assert len(read(path, start=2.5, end=99.0)) == SAMPLE_RATE // 2


def test_a_stretch_past_the_end_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no sound between"):
        read(write_tone(tmp_path / "a.wav", seconds=1.0), start=5.0)


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    assert read_waveform(path, 60.0) is None


@pytest.mark.parametrize("content", [b"", b"no sound" * 50], ids=["empty", "text"])
def test_a_broken_file_is_a_media_error_not_silence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.wav"):
        read_waveform(tmp_path / "a.wav", 60.0)


def test_a_missing_file_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        read_waveform(tmp_path / "gone.wav", 60.0)


def test_the_noise_floor_is_that_of_the_quiet_parts() -> None:
    quiet = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE).astype(np.float32)
    loud = np.sin(np.arange(SAMPLE_RATE) * 0.3).astype(np.float32)
    assert noise_floor(np.concatenate([quiet, loud])) == pytest.approx(0.01, rel=0.15)
    assert noise_floor(np.zeros(0, np.float32)) == 0.0


def test_a_muted_clip_is_steady_noise_drawn_by_its_digest() -> None:
    beep = np.sin(np.arange(SAMPLE_RATE) * 0.3) * np.repeat([0.001, 1.0], SAMPLE_RATE // 2)
    noise = muted(beep.astype(np.float32), "ab12")
    assert noise.shape == beep.shape
    assert noise.std() == pytest.approx(0.001 / np.sqrt(2), rel=0.1)
    assert np.array_equal(noise, muted(beep.astype(np.float32), "ab12"))
    assert not np.array_equal(noise, muted(beep.astype(np.float32), "cd34"))


def test_silence_has_the_asked_length_and_at_least_one_sample() -> None:
    assert len(silence(1.5)) == 24000
    assert len(silence(0.0)) == 1
    assert not silence(1.0).any()
