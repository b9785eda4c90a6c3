"""Sound: one channel at 16 kHz, cut by time, and honest stand-ins for what is not to be heard."""

import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from media.errors import MediaError
from media.waveform import SAMPLE_RATE, muted, noise_floor, read_waveform, silence, wav_bytes
from tests.media.clips import Pictures, Tone, encode


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


def test_sound_that_begins_late_keeps_step_with_its_picture(tmp_path: Path) -> None:
    samples = read(encode(tmp_path / "a.mp4", Pictures(), Tone(begins=1.2, seconds=0.8)))
    assert np.flatnonzero(np.abs(samples) > 0.1)[0] / SAMPLE_RATE == pytest.approx(1.2, abs=0.07)
    assert len(read(tmp_path / "a.mp4", start=0.5, end=1.5)) == SAMPLE_RATE


@pytest.mark.parametrize("name", ["a.wav", "a.mp4", "a.mkv", "a.mp3", "a.flac"])
def test_a_stretch_from_the_middle_is_what_lies_there(name: str, tmp_path: Path) -> None:
    codec = {"wav": "pcm_s16le", "mp3": "libmp3lame", "flac": "flac"}.get(name[2:], "aac")
    path = encode(tmp_path / name, Tone(codec, seconds=6.0))
    whole, middle = read(path), read(path, start=3.0, end=4.0)
    assert middle == pytest.approx(whole[3 * SAMPLE_RATE : 4 * SAMPLE_RATE], abs=0.01)


def test_of_two_sounds_the_one_marked_as_default_is_heard(tmp_path: Path) -> None:
    tones = Tone(hertz=440, mark=Disposition(0)), Tone(hertz=1000, mark=Disposition.default)
    assert loudest(read(encode(tmp_path / "a.mp4", Pictures(), *tones))) == pytest.approx(1000, abs=5)


def test_a_damaged_packet_is_a_pause(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", Tone("flac", seconds=3.0))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    path.write_bytes(content)
    assert len(read(path)) == pytest.approx(3 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)


def test_a_wav_for_providers_holds_the_stretch_and_nothing_for_a_silent_film(tmp_path: Path) -> None:
    content = wav_bytes(encode(tmp_path / "a.mp4", Pictures(), Tone(hertz=700)), start=0.5, end=1.5)
    assert content
    with wave.open(io.BytesIO(content)) as sound:
        assert sound.getparams()[:4] == (1, 2, SAMPLE_RATE, SAMPLE_RATE)
        assert loudest(np.frombuffer(sound.readframes(SAMPLE_RATE), "<i2")) == pytest.approx(700, abs=5)
    assert wav_bytes(encode(tmp_path / "b.mp4", Pictures())) is None


def test_a_loud_stereo_recording_is_not_clipped_in_a_wav(tmp_path: Path) -> None:
    content = wav_bytes(encode(tmp_path / "a.wav", Tone("pcm_s16le", layout="stereo", loud=0.9)))
    assert content
    samples = np.frombuffer(content[44:], "<i2")
    assert np.abs(samples).max() / 32767 == pytest.approx(0.9, abs=0.01)


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
    with pytest.raises(MediaError, match="No such file"):
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
