"""Files that can be read, and every way in which one cannot."""

import errno
import os
import resource
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from PIL import Image

from media.probe import Probe, Unreadable, probe, probe_all
from media.probe_pool import ask_all
from tests.media.clips import Pictures, encode

RATE = 16000


def make_clip(path: Path, seconds: float = 2.0, sound: bool = True, fps: int = 10, options: str = "") -> Path:
    """An mp4 (or what the suffix says) of noise, with a tone; `options` go to the container."""
    noise = np.random.default_rng(0)
    with av.open(str(path), "w", options={"movflags": options} if options else {}) as container:
        video = container.add_stream("libx264", rate=fps, options={"g": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for _ in range(round(seconds * fps)):
            pixels = noise.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode(None))
        if audio:
            add_tone(container, audio, seconds)
    return path


def add_tone(container: OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    for start in range(0, round(seconds * RATE), 1024):
        tone = np.sin(np.arange(start, start + 1024) * 0.2).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def make_sound(path: Path, codec: str = "pcm_s16le", seconds: int = 1) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler("s16", "mono", RATE)
        for start in range(0, seconds * RATE, 1024):
            tone = (np.sin(np.arange(start, start + 1024) * 0.2) * 9000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
            frame.sample_rate = RATE
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def readable(path: Path) -> Probe:
    found = probe(path)
    assert isinstance(found, Probe), found
    return found


def reason(path: Path) -> str:
    found = probe(path)
    assert isinstance(found, Unreadable), found
    assert found.detail and "\n" not in found.detail
    return found.reason


def cut(path: Path, share: float) -> Path:
    os.truncate(path, int(path.stat().st_size * share))
    return path


def test_clip_with_sound_is_measured(tmp_path: Path) -> None:
    found = readable(make_clip(tmp_path / "clip.mp4"))
    assert (found.kind, found.frames, found.fps) == ("video", 20, 10.0)
    assert (found.width, found.height, found.rotation) == (64, 48, 0)
    assert found.duration == pytest.approx(2.0, abs=0.05)
    assert (found.has_audio, found.audio_streams, found.sample_rate) == (True, 1, RATE)
    assert found.audio_duration == pytest.approx(2.0, abs=0.15)


def test_kind_is_told_from_content_without_a_suffix(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4").rename(tmp_path / "4f6e")
    assert readable(clip).kind == "video"


def test_matroska_that_states_no_track_lengths_is_measured(tmp_path: Path) -> None:
    found = readable(make_clip(tmp_path / "clip.mkv", seconds=4))
    assert (found.frames, found.fps) == (40, 10.0)
    assert found.duration == pytest.approx(4.0, abs=0.1)


def test_silent_clip_has_no_sound(tmp_path: Path) -> None:
    found = readable(make_clip(tmp_path / "clip.mp4", sound=False))
    assert (found.has_audio, found.audio_streams, found.audio_duration, found.sample_rate) == (
        False,
        0,
        None,
        None,
    )


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("flac", "flac")])
def test_sound_alone_is_measured(tmp_path: Path, suffix: str, codec: str) -> None:
    found = readable(make_sound(tmp_path / f"tone.{suffix}", codec))
    assert (found.kind, found.has_audio, found.sample_rate, found.frames) == ("audio", True, RATE, 0)
    assert found.duration == found.audio_duration == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_picture_is_measured(tmp_path: Path, form: str) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "picture", form)
    assert readable(tmp_path / "picture") == Probe(kind="image", frames=1, width=30, height=20)


def test_turned_picture_is_measured_as_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "picture", "JPEG", exif=exif)
    found = readable(tmp_path / "picture")
    assert (found.width, found.height, found.rotation) == (20, 30, -90)


def test_absent_and_empty_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert reason(tmp_path / "empty") == "empty"
    assert reason(tmp_path / "absent") == "missing"
    assert reason(tmp_path) == "missing"


@pytest.mark.parametrize(
    "content",
    [
        b"not a video at all",
        bytes(range(256)) * 20,
        b"\0" * 5000,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nclip.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile clip.mp4\n",
        b"\x00\x00\x00\x18ftypmp42" + b"\0" * 100,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
    ],
)
def test_what_is_no_medium_is_undecodable(tmp_path: Path, content: bytes) -> None:
    make_clip(tmp_path / "clip.mp4", seconds=1, sound=False)
    (tmp_path / "file").write_bytes(content)
    assert reason(tmp_path / "file") == "undecodable"


def test_clip_without_its_index_is_undecodable(tmp_path: Path) -> None:
    assert reason(cut(make_clip(tmp_path / "clip.mp4"), 0.5)) == "undecodable"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("sound", [True, False])
def test_clip_cut_behind_its_index_is_truncated(tmp_path: Path, share: float, sound: bool) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=5, sound=sound, options="faststart")
    assert reason(cut(clip, share)) == "truncated"


def test_cut_matroska_is_truncated(tmp_path: Path) -> None:
    assert reason(cut(make_clip(tmp_path / "clip.mkv", seconds=5), 0.5)) == "truncated"


def test_cut_sound_is_truncated(tmp_path: Path) -> None:
    assert reason(cut(make_sound(tmp_path / "tone.flac", "flac", seconds=6), 0.4)) == "truncated"


def test_cut_picture_is_truncated(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture", "JPEG")
    assert reason(cut(tmp_path / "picture", 0.5)) == "truncated"


def test_clip_without_frames_is_told_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        add_tone(container, container.add_stream("aac", rate=RATE, layout="mono"), 1.0)
    assert reason(tmp_path / "clip.mkv") == "no_frames"


def test_sound_without_samples_is_told_so(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as tone:
        tone.setparams((1, 2, RATE, 0, "NONE", ""))
    assert reason(tmp_path / "tone.wav") == "no_frames"


def test_damaged_frames_are_not_passed(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=4, sound=False, options="faststart")
    content = bytearray(clip.read_bytes())
    content[content.index(b"mdat") + 4 :] = bytes(len(content) - content.index(b"mdat") - 4)
    clip.write_bytes(content)
    assert reason(clip) in ("undecodable", "truncated", "no_frames")


def test_long_clip_is_refused_by_its_stated_length(tmp_path: Path) -> None:
    found = probe(make_clip(tmp_path / "clip.mp4", seconds=3), longest_seconds=2.0)
    assert isinstance(found, Unreadable)
    assert found.reason == "too_long"


def test_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb", "PNG")
    assert reason(tmp_path / "bomb") == "too_large"


def test_video_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    clip = encode(tmp_path / "a.mkv", Pictures("mjpeg", "yuvj420p", 8400, 4320, times=(0, 100)))
    assert reason(clip) == "too_large"


@contextmanager
def no_handle_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["video", "image"])
def test_lack_of_handles_is_no_fault_of_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "video":
        make_clip(tmp_path / "clip.mp4").rename(path)
    else:
        Image.new("RGB", (30, 20)).save(path, "PNG")
    with pytest.raises(OSError, match="Too many open files"), no_handle_left():
        probe(path)
    assert readable(path).kind == kind


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_disk_that_does_not_answer_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, "the disk does not answer")

    (tmp_path / "file").write_bytes(b"any")
    monkeypatch.setattr("media.probe.open_container", fail)
    assert reason(tmp_path / "file") == "undecodable"  # decoders say so of damaged content too, and it can be read
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(OSError, match="does not answer"):
        probe(tmp_path / "file")


def test_machines_fault_in_a_probing_process_is_raised_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.probe.ask_all", partial(ask_all, module="tests.media.hostile_worker"))
    with pytest.raises(OSError, match="cut off: Input/output error") as caught:
        probe_all([tmp_path / "a", tmp_path / "cut off"], 1, 30.0)
    assert caught.value.errno == errno.EIO


def test_all_files_are_probed_as_one_is(tmp_path: Path) -> None:
    (tmp_path / "bad name\n'ä").write_bytes(b"junk")
    paths = [make_clip(tmp_path / "clip.mp4"), tmp_path / "bad name\n'ä", tmp_path / "absent"]
    found = probe_all(paths, 2, 30.0)
    assert list(found) == paths
    assert found == {path: probe(path) for path in paths}


def test_no_files_need_no_workers() -> None:
    assert probe_all([], 2, 30.0) == {}


def test_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    found = probe_all([clip], 1, 0.0001)[clip]
    assert isinstance(found, Unreadable)
    assert found.reason == "deadline"


def test_real_clips_are_told_apart() -> None:
    beside = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("CONTEXTFIRST_SHARED", beside)) / "media"
    if not folder.is_dir():
        pytest.skip("no real clips here: set CONTEXTFIRST_SHARED to the folder with media/")
    found = {path.name: probe(path) for path in folder.iterdir()}
    bad = {name: one.reason for name, one in found.items() if isinstance(one, Unreadable)}
    assert bad == {"corrupted.mp4": "truncated"}
    good = {name: one for name, one in found.items() if isinstance(one, Probe)}
    assert (good["video_90.mov"].rotation, good["video_90.mov"].has_audio) == (-90, False)
    assert (good["nasa_13013.mp4"].audio_streams, good["nasa_13013.mp4"].sample_rate) == (2, 16000)
    assert (good["nasa_13013.mp4"].video_track, good["nasa_13013.mp4"].audio_track) == (3, 4)
    assert not any(one.short_audio for one in good.values())
    assert good["no_duration.webm"].duration == pytest.approx(4.94, abs=0.01)


@pytest.mark.parametrize("name", ["here", "somewhere/else"])
def test_reason_does_not_tell_where_the_file_lies(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "clip.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(range(256)) * 8)
    found = probe(path)
    assert isinstance(found, Unreadable)
    assert str(tmp_path) not in found.detail
    assert found.detail == "[Errno 1094995529] Invalid data found when processing input: 'the file'"
