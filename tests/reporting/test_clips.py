import base64
import io
from pathlib import Path

from PIL import Image

from reporting.clips import Room, thumbnail
from tests.media.clips import Pictures, Tone, encode


def _size(uri: str) -> tuple[int, int]:
    head, _, body = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(body))).size


def test_thumbnail_of_a_clip_and_of_a_picture_is_small_and_keeps_its_shape(tmp_path: Path) -> None:
    Image.new("RGB", (640, 320), "red").save(tmp_path / "wide.png")
    clip = encode(tmp_path / "clip.mp4", Pictures(width=640, height=480), Tone())
    assert _size(thumbnail("image", tmp_path / "wide.png")) == (128, 64)
    assert _size(thumbnail("video", clip)) == (128, 96)


def test_sound_and_broken_and_missing_files_have_no_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    assert thumbnail("audio", encode(tmp_path / "tone.wav", Tone(codec="pcm_s16le"))) == ""
    assert thumbnail("video", tmp_path / "broken.mp4") == ""
    assert thumbnail("image", tmp_path / "gone.png") == ""


def test_room_is_given_until_it_is_full_and_counts_a_file_once() -> None:
    room = Room(100, each=60)
    assert room.take("a", 60)
    assert room.take("a", 60)
    assert not room.take("b", 61)
    assert not room.take("c", 50)
    assert room.take("d", 40)
