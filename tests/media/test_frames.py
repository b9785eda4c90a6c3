"""Frames: as many as asked, at their true rate, upright, or a MediaError."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.errors import MediaError
from media.frames import GREY, MOST_BYTES, _read_with_decord, _read_with_pyav, _suits_decord, choose, sample_frames
from media.picture import read_picture
from tests.media.clips import Pictures, encode, record


def write_clip(path: Path, seconds: float, rate: int = 10, codec: str = "libx264") -> Path:
    """A clip whose grey level rises with time, from 0 to 250."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        count = round(seconds * rate)
        for number in range(count):
            pixels = np.full((32, 64, 3), round(250 * number / max(1, count - 1)), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def levels(pixels: np.ndarray) -> list[float]:
    return pixels.reshape(len(pixels), -1).mean(axis=1).tolist()


def test_a_short_clip_is_sampled_at_the_asked_rate_from_first_frame_to_last(tmp_path: Path) -> None:
    frames = sample_frames(write_clip(tmp_path / "a.mp4", 4.0), fps=2, max_frames=32)
    assert frames.pixels.shape == (8, 32, 64, 3)
    assert frames.pixels.dtype == np.uint8
    assert (frames.fps, frames.seconds) == pytest.approx((2.0, 4.0))
    assert levels(frames.pixels) == pytest.approx(np.linspace(0, 250, 8).tolist(), abs=8)


def test_a_long_clip_gives_its_true_rate(tmp_path: Path) -> None:
    frames = sample_frames(write_clip(tmp_path / "a.mp4", 40.0, rate=5), fps=2, max_frames=32)
    assert len(frames.pixels) == 32
    assert frames.fps == pytest.approx(0.8)


def test_a_stretch_shows_only_itself(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 10.0)
    frames = sample_frames(path, fps=2, max_frames=32, start=4.0, end=6.0)
    assert frames.seconds == pytest.approx(2.0)
    found = levels(frames.pixels)
    assert min(found) > 250 * 0.38
    assert max(found) < 250 * 0.62


def test_an_end_past_the_clip_is_the_clips_end(tmp_path: Path) -> None:
    frames = sample_frames(write_clip(tmp_path / "a.mp4", 2.0), fps=2, max_frames=32, start=1.0, end=99.0)
    assert frames.seconds == pytest.approx(1.0)


def test_a_single_frame_is_shown_twice(tmp_path: Path) -> None:
    frames = sample_frames(write_clip(tmp_path / "a.mp4", 0.1), fps=2, max_frames=32)
    assert len(frames.pixels) == 2
    assert frames.fps == pytest.approx(20.0)


@pytest.mark.parametrize(("start", "end"), [(5.0, 6.0), (1.5, 1.0)])
def test_a_stretch_without_frames_is_a_media_error(start: float, end: float, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no frames between"):
        sample_frames(write_clip(tmp_path / "a.mp4", 2.0), fps=2, max_frames=32, start=start, end=end)


@pytest.mark.parametrize("content", [b"", b"not a video" * 50], ids=["empty", "text"])
def test_a_broken_file_is_a_media_error_of_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        sample_frames(path, fps=2, max_frames=32)
    assert str(caught.value).startswith("cannot read frames of broken.mp4: ")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_file_cut_in_the_middle_is_a_media_error(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 4.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError):
        sample_frames(path, fps=2, max_frames=32)


def test_sound_alone_is_a_media_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
    with pytest.raises(MediaError):
        sample_frames(path, fps=2, max_frames=32)


def test_a_recording_that_does_not_say_its_length_is_decoded_to_its_end(tmp_path: Path) -> None:
    path = record(tmp_path / "live.webm", "webm", Pictures("libvpx"))
    frames = sample_frames(path, fps=2, max_frames=32)
    assert (frames.fps, frames.seconds) == pytest.approx((2.0, 2.0), rel=0.03)
    found = levels(frames.pixels)
    assert found == sorted(found)
    assert found[-1] - found[0] > 180


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("a.mp4", Pictures(width=128, height=96, options={"bf": "3"})),
        ("a.mp4", Pictures("libx265", "yuv420p10le", 128, 96)),
        ("a.mp4", Pictures(width=128, height=96, times=(0, 100, 150, 900, 1000, 1900, 1950, 2000))),
        ("a.webm", Pictures("libvpx-vp9", width=128, height=96)),
        ("a.mkv", Pictures("ffv1", width=128, height=96)),
    ],
    ids=["reordered", "10 bits", "uneven", "vp9", "matroska"],
)
def test_the_fast_way_and_the_thorough_way_give_the_same_frames(name: str, pictures: Pictures, tmp_path: Path) -> None:
    path = encode(tmp_path / name, pictures)
    assert _suits_decord(path)
    fast, quick_pixels = _read_with_decord(path, None, 4, 32, None, None)
    thorough, true_pixels = _read_with_pyav(path, None, 4, 32, None, None)
    assert fast.chosen.tolist() == thorough.chosen.tolist()
    assert fast.seconds == pytest.approx(thorough.seconds, abs=0.06)
    assert np.array_equal(quick_pixels, true_pixels)


LARGE = Pictures("libx264", width=2560, height=1440, times=(0, 100, 200), options={"preset": "ultrafast"})


@pytest.mark.parametrize("read", [_read_with_decord, _read_with_pyav])
@pytest.mark.parametrize("turned", [0, 90])
def test_a_frame_larger_than_is_given_out_is_scaled_and_keeps_its_shape(
    read: object, turned: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.frames._suits_decord", lambda _: read is _read_with_decord)
    path = encode(tmp_path / "a.mp4", LARGE._replace(turned=turned))
    pixels = sample_frames(path, fps=10, max_frames=32).pixels
    assert pixels.shape[1:3] == ((1920, 1080) if turned else (1080, 1920))
    assert levels(pixels) == pytest.approx([0, 240], abs=8)


def test_a_frame_as_large_as_is_given_out_stays_as_it_is(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LARGE._replace(width=1920, height=1080))
    assert sample_frames(path, fps=10, max_frames=32).pixels.shape[1:3] == (1080, 1920)


def test_frames_are_smaller_where_many_would_take_too_much_memory(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LARGE._replace(width=1280, height=720))
    height, width = sample_frames(path, fps=10, max_frames=4000).pixels.shape[1:3]
    assert 4000 * height * width * 3 <= MOST_BYTES
    assert width / height == pytest.approx(16 / 9, abs=0.02)


def test_a_frame_too_large_to_decode_is_a_media_error(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", Pictures("mjpeg", "yuvj420p", 8400, 4320, times=(0, 100)))
    with pytest.raises(MediaError, match="8400 x 4320 pixels are more than are decoded"):
        sample_frames(path, fps=10, max_frames=32)


@pytest.mark.parametrize(("second", "shown"), [((640, 480), (96, 128)), ((8400, 4320), None)])
def test_frames_that_outgrow_what_their_container_says_take_no_more_memory(
    second: tuple[int, int], shown: tuple[int, int] | None, tmp_path: Path
) -> None:
    """Every picture of such a track states a size of its own."""
    path = join(tmp_path, (128, 96), second)
    if shown:
        assert sample_frames(path, fps=10, max_frames=32).pixels.shape[1:3] == shown
    else:
        with pytest.raises(MediaError):
            sample_frames(path, fps=10, max_frames=32)


def join(folder: Path, *sizes: tuple[int, int]) -> Path:
    """One track of pictures of several sizes, in a container that decord does not read."""
    with av.open(str(folder / "joined.avi"), "w") as joined:
        stream = joined.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuvj420p"
        for number, (width, height) in enumerate(sizes):
            one = encode(folder / f"{number}.avi", Pictures("mjpeg", "yuvj420p", width, height, times=(0,)))
            with av.open(str(one)) as container:
                packet = av.Packet(bytes(next(container.demux(video=0))))
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 10)
            joined.mux(packet)
    return folder / "joined.avi"


def test_a_blind_view_is_flat_and_keeps_the_shape(tmp_path: Path) -> None:
    frames = sample_frames(write_clip(tmp_path / "a.mp4", 2.0), fps=2, max_frames=32)
    blind = frames.blind()
    assert blind.pixels.shape == frames.pixels.shape
    assert (blind.pixels == GREY).all()
    assert blind.fps == frames.fps


def test_frames_of_uneven_length_are_chosen_by_time() -> None:
    shown = np.array([[0.0, 5.0], [5.0, 5.1], [5.1, 5.2], [5.2, 10.0]])
    assert choose(shown, fps=1, max_frames=4, start=5.05).chosen.tolist() == [1, 2, 2, 3]


def test_a_picture_is_upright_rgb_and_a_broken_one_a_media_error(tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # filmed with the camera turned a quarter
    Image.new("L", (40, 20), 200).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (40, 20, 3)
    (tmp_path / "b.jpg").write_bytes(b"not a picture")
    with pytest.raises(MediaError, match=r"cannot read the picture b\.jpg"):
        read_picture(tmp_path / "b.jpg")
