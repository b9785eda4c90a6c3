"""Containers, codecs and faults as they come, each told for what it is, and decoded as it was described."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.stream import Disposition

from media.demux import SAMPLE_RATE
from media.errors import MediaError
from media.frames import sample_frames
from media.probe import Probe, Unreadable, probe
from media.waveform import read_waveform
from tests.media.clips import Pictures, Tone, encode, record, shuffle, state_length

Made = Callable[[Path], Path]


def of(name: str, *tracks: Pictures | Tone) -> Made:
    return lambda folder: encode(folder / name, *tracks)


def probed(path: Path) -> Probe:
    found = probe(path)
    assert isinstance(found, Probe), found
    return found


UNEVEN = (0, 100, 150, 900, 1000, 1900)
COVER = Pictures("png", "rgb24", times=(0,), mark=Disposition.attached_pic)
OPUS = Tone("libopus", 48000)

VIDEOS: dict[str, Made] = {
    "hevc of 10 bits": of("a.mp4", Pictures("libx265", "yuv420p10le"), Tone()),
    "vp8": of("a.webm", Pictures("libvpx"), OPUS),
    "vp9": of("a.webm", Pictures("libvpx-vp9"), OPUS),
    "av1": of("a.mp4", Pictures("libsvtav1"), Tone()),
    "mp3 in mp4": of("a.mp4", Pictures(), Tone("libmp3lame")),
    "flac in matroska": of("a.mkv", Pictures("ffv1"), Tone("flac")),
    "reordered frames": of("a.mp4", Pictures(options={"bf": "3"}), Tone()),
    "transport stream": of("a.ts", Pictures(), Tone()),
    "flash": of("a.flv", Pictures(), Tone()),
    "wider than the narrowest for decord": of("a.mp4", Pictures(width=128, height=96), Tone()),
    "no stated length": lambda folder: record(folder / "a.webm", "webm", Pictures("libvpx"), OPUS),
}


@pytest.mark.parametrize("made", VIDEOS.values(), ids=VIDEOS)
def test_video_with_sound_is_described_and_read_whatever_its_container(made: Made, tmp_path: Path) -> None:
    path = made(tmp_path)
    found = probed(path)
    assert (found.kind, found.frames, found.video_streams, found.audio_streams) == ("video", 20, 1, 1)
    assert (found.has_audio, found.short_audio) == (True, False)
    assert found.duration == pytest.approx(2.0, abs=0.15)
    assert found.audio_duration == pytest.approx(2.0, abs=0.15)
    frames = sample_frames(path, fps=2, max_frames=8)
    assert frames.pixels.shape == (4, found.height, found.width, 3)
    assert frames.pixels.mean(axis=(1, 2, 3)) == pytest.approx([0, 76, 164, 240], abs=8)
    sound = read_waveform(path, 60.0)
    assert sound is not None
    assert len(sound) == pytest.approx(2 * SAMPLE_RATE, abs=0.15 * SAMPLE_RATE)


SILENT: dict[str, tuple[Made, dict[str, object]]] = {
    "uneven frame rate": (of("a.mp4", Pictures(times=UNEVEN)), {"frames": 6}),
    "one pixel": (of("a.mov", Pictures("png", "rgb24", 1, 1)), {"width": 1, "height": 1, "frames": 20}),
    "one frame": (of("a.mp4", Pictures(times=(0,))), {"frames": 1}),
    "turned": (of("a.mp4", Pictures(turned=90)), {"width": 48, "height": 64, "frames": 20}),
    "turned and large": (of("a.mp4", Pictures(width=128, height=96, turned=90)), {"width": 96, "height": 128}),
    "times out of order": (lambda folder: shuffle(folder / "a.mkv"), {"frames": 20}),
}


@pytest.mark.parametrize(("made", "said"), SILENT.values(), ids=SILENT)
def test_video_without_sound_is_described_and_read(made: Made, said: dict[str, object], tmp_path: Path) -> None:
    path = made(tmp_path)
    found = probed(path)
    assert found.model_dump(include=set(said)) == said
    assert (found.has_audio, found.audio_track, found.short_audio) == (False, None, False)
    levels = sample_frames(path, fps=2, max_frames=8).pixels.mean(axis=(1, 2, 3)).tolist()
    assert levels == sorted(levels)
    assert read_waveform(path, 60.0) is None


def test_uneven_frames_last_as_long_as_they_are_shown(tmp_path: Path) -> None:
    assert probed(encode(tmp_path / "a.mp4", Pictures(times=UNEVEN))).duration == pytest.approx(2.0, abs=0.2)


SOUNDS: dict[str, Made] = {
    "sound alone in mp4": of("a.mp4", Tone()),
    "mp3 with a cover": of("a.mp3", Tone("libmp3lame"), COVER),
    "flac with a cover": of("a.flac", Tone("flac"), COVER),
    "opus": of("a.ogg", OPUS),
}


@pytest.mark.parametrize("made", SOUNDS.values(), ids=SOUNDS)
def test_sound_is_no_video_whatever_it_comes_in(made: Made, tmp_path: Path) -> None:
    path = made(tmp_path)
    found = probed(path)
    assert (found.kind, found.video_streams, found.video_track, found.short_audio) == ("audio", 0, None, False)
    assert found.duration == pytest.approx(2.0, abs=0.15)
    with pytest.raises(MediaError, match="no video track"):
        sample_frames(path, fps=2, max_frames=8)


def test_silence_in_a_sound_track_is_sound(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", Pictures(), Tone(loud=0.0))
    assert probed(path).has_audio
    sound = read_waveform(path, 60.0)
    assert sound is not None and not np.abs(sound).max() > 1e-3


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize(
    ("tone", "short"),
    [(Tone(seconds=0.8), True), (Tone(seconds=1.8), False), (Tone(begins=1.2, seconds=0.8), False)],
    ids=["ends early", "ends about with it", "begins late"],
)
def test_sound_that_ends_well_before_its_picture_is_flagged(name: str, tone: Tone, short: bool, tmp_path: Path) -> None:
    assert probed(encode(tmp_path / name, Pictures(), tone)).short_audio is short


FAULTS: dict[str, tuple[Made, str]] = {
    "states absurd length": (lambda folder: state_length(encode(folder / "a.mkv", Pictures()), 1e9), "too_long"),
    "states more than it holds": (lambda folder: state_length(encode(folder / "a.mkv", Pictures()), 100), "truncated"),
}


@pytest.mark.parametrize(("made", "reason"), FAULTS.values(), ids=FAULTS)
def test_video_that_is_not_what_it_states_is_refused(made: Made, reason: str, tmp_path: Path) -> None:
    found = probe(made(tmp_path))
    assert isinstance(found, Unreadable)
    assert found.reason == reason


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nclip.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile clip.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 1 RTP/AVP 96\n",
    ],
    ids=["playlist", "list", "session"],
)
def test_file_that_names_further_files_opens_none_of_them(content: str, tmp_path: Path) -> None:
    encode(tmp_path / "clip.mp4", Pictures(), Tone())
    path = tmp_path / "a.mp4"
    path.write_text(content)
    found = probe(path)
    assert isinstance(found, Unreadable) and found.reason == "undecodable"
    with pytest.raises(MediaError):
        sample_frames(path, fps=2, max_frames=8)
    with pytest.raises(MediaError):
        read_waveform(path, 60.0)
