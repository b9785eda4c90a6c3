"""Features are those of the official processor, and are read ahead in the background."""

from collections.abc import Iterable
from pathlib import Path
from threading import Event, current_thread, main_thread

import numpy as np
import pytest
import torch
from transformers import Qwen2_5OmniProcessor

from media.frames import sample_frames
from media.waveform import read_waveform
from schemas.example import Example
from tests.training.clips import example, keep, write_video
from tests.training.conftest import RED, SMALL
from training.inputs import Encoder, NoPrompt
from training.pieces import Decoded, OnTheFly, Piece

DEADLINE = 30.0
"""Seconds after which a test gives up waiting."""


class Watched:
    """Pieces decoded in this process, and who asked for them. open: until it is set, nothing is decoded."""

    def __init__(self, blobs: Path) -> None:
        self._pieces = OnTheFly(blobs)
        self.open, self.asked = Event(), list[bool]()
        self.open.set()

    def read(self, piece: Piece) -> Decoded:
        assert self.open.wait(DEADLINE)
        self.asked.append(current_thread() is main_thread())
        return self._pieces.read(piece)

    def read_ahead(self, pieces: Iterable[Piece]) -> None:
        self._pieces.read_ahead(pieces)


@pytest.fixture
def watched(blobs: Path) -> Watched:
    return Watched(blobs)


@pytest.fixture
def ahead(processor: Qwen2_5OmniProcessor, blobs: Path, watched: Watched) -> Encoder:
    return Encoder(processor, SMALL, blobs, pieces=watched)


@pytest.mark.parametrize("scale", [1, 3])
def test_features_are_the_processors_own(
    scale: int, processor: Qwen2_5OmniProcessor, blobs: Path, tmp_path: Path
) -> None:
    path = write_video(tmp_path / "clip.mp4", RED, 400, seconds=1.5, scale=scale)
    found = Encoder(processor, SMALL, blobs).encode(
        example("clip", keep(blobs, path, "video", has_audio=True)), "direct"
    )
    frames, sound = sample_frames(path, SMALL.fps, SMALL.max_frames), read_waveform(path, 2.0)
    size = {"shortest_edge": SMALL.min_pixels, "longest_edge": SMALL.max_pixels}
    official = processor(
        text=processor.video_token,
        videos=[frames.pixels],
        audio=[sound],
        audio_from_video_indices=[0],
        load_audio_from_video=True,
        fps=frames.fps,
        videos_kwargs={"size": size, "do_sample_frames": False},
        return_tensors="pt",
    )
    length = int(official["feature_attention_mask"].sum())
    assert torch.equal(found.tensors["pixel_values_videos"], official["pixel_values_videos"])
    assert torch.equal(found.tensors["input_features"], official["input_features"][..., :length])
    assert np.isin(official["input_ids"][0], found.ids).all()


def test_what_is_read_ahead_is_read_in_the_background_alone(
    ahead: Encoder, encoder: Encoder, watched: Watched, asked: dict[str, Example]
) -> None:
    ahead.prefetch(asked.values())
    for row in asked.values():
        found, wanted = ahead.encode(row, "direct"), encoder.encode(row, "direct")
        assert found.ids == wanted.ids
        assert all(torch.equal(found.tensors[name], wanted.tensors[name]) for name in wanted.tensors)
    assert watched.asked
    assert not any(watched.asked)


def test_reading_ahead_does_not_wait(ahead: Encoder, watched: Watched, asked: dict[str, Example]) -> None:
    watched.open.clear()
    ahead.prefetch([asked["video"]])
    assert not watched.asked
    watched.open.set()
    ahead.encode(asked["video"], "direct")
    assert watched.asked == [False, False]


def test_what_was_read_before_is_not_read_ahead(ahead: Encoder, watched: Watched, asked: dict[str, Example]) -> None:
    ahead.encode(asked["video"], "direct")
    ahead.prefetch([asked["video"]])
    ahead.encode(asked["video"], "direct")
    assert watched.asked == [True, True]


def test_what_was_begun_is_not_begun_again(ahead: Encoder, watched: Watched, asked: dict[str, Example]) -> None:
    ahead.prefetch([asked["picture"], asked["sound"]])
    ahead.prefetch([asked["sound"], asked["picture"]])
    for name in ("picture", "sound"):
        ahead.encode(asked[name], "direct")
    assert watched.asked == [False, False]


def test_another_view_is_read_by_itself(ahead: Encoder, watched: Watched, asked: dict[str, Example]) -> None:
    ahead.prefetch([asked["picture"]], "blind")
    ahead.encode(asked["picture"], "direct", "full")
    ahead.encode(asked["picture"], "direct", "blind")
    assert sorted(watched.asked) == [False, True]


def test_a_broken_file_raises_when_its_row_is_asked_for(
    ahead: Encoder, blobs: Path, tmp_path: Path, asked: dict[str, Example]
) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no film" * 100)
    broken = example("broken", keep(blobs, tmp_path / "broken.mp4", "video", has_audio=True))
    ahead.prefetch([broken, asked["video"]])
    with pytest.raises(NoPrompt):
        ahead.encode(broken, "direct")
    assert ahead.encode(asked["video"], "direct").tensors


def test_what_nobody_asked_for_is_dropped_by_the_next_reading_ahead(
    ahead: Encoder, watched: Watched, asked: dict[str, Example]
) -> None:
    watched.open.clear()
    ahead.prefetch([asked["picture"], asked["sound"]])
    ahead.prefetch([asked["video"]])
    watched.open.set()
    ahead.encode(asked["video"], "direct")
    ahead.encode(asked["sound"], "direct")
    assert watched.asked.count(True) == 1
