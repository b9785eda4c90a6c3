"""Of several tracks the same ones are described, shown and heard."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from av.stream import Disposition

from media.container import choose_tracks, open_container
from media.demux import SAMPLE_RATE
from media.frames import sample_frames
from media.probe import Probe, probe
from media.waveform import read_waveform
from tests.media.clips import Pictures, Tone, encode

DEFAULT, PLAIN, COVER = Disposition.default, Disposition(0), Disposition.attached_pic
DARK, BRIGHT = Pictures(level=40), Pictures(width=128, height=96, level=200)
LOW, HIGH = Tone(hertz=440), Tone(hertz=1000, rate=48000, layout="stereo")
SLEEVE = Pictures("png", "rgb24", 80, 80, times=(0,), level=120, mark=COVER)


class Case(NamedTuple):
    name: str
    tracks: tuple[Pictures | Tone, ...]
    video: int
    audio: int
    level: int
    hertz: float


CASES = [
    Case("first_by_default.mp4", (DARK, BRIGHT, LOW, HIGH), 0, 2, 40, 440),
    Case(
        "second_marked.mp4",
        (
            DARK._replace(mark=PLAIN),
            BRIGHT._replace(mark=DEFAULT),
            LOW._replace(mark=PLAIN),
            HIGH._replace(mark=DEFAULT),
        ),
        1,
        3,
        200,
        1000,
    ),
    Case(
        "mixed_marks.mkv",
        (
            DARK._replace(mark=PLAIN),
            BRIGHT._replace(mark=DEFAULT),
            LOW._replace(mark=DEFAULT),
            HIGH._replace(mark=PLAIN),
        ),
        1,
        2,
        200,
        440,
    ),
    Case("cover_first.mp4", (SLEEVE, DARK, LOW), 0, 1, 40, 440),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_described_shown_and_heard_tracks_are_the_same(case: Case, tmp_path: Path) -> None:
    path = encode(tmp_path / case.name, *case.tracks)
    found = probe(path)
    assert isinstance(found, Probe)
    chosen = next(track for track in case.tracks if isinstance(track, Pictures) and track.level == case.level)
    assert (found.video_track, found.audio_track) == (case.video, case.audio)
    assert (found.width, found.height) == (chosen.width, chosen.height)
    pixels = sample_frames(path, fps=2, max_frames=8).pixels
    assert pixels.shape[1:3] == (chosen.height, chosen.width)
    assert pixels.mean() == pytest.approx(case.level, abs=4)
    sound = read_waveform(path, 60.0)
    assert sound is not None
    loudest = np.abs(np.fft.rfft(sound)).argmax() * SAMPLE_RATE / len(sound)
    assert loudest == pytest.approx(case.hertz, abs=5)


def test_tracks_are_counted_and_covers_are_no_videos(tmp_path: Path) -> None:
    with open_container(encode(tmp_path / "a.mp4", SLEEVE, DARK, LOW, HIGH)) as container:
        tracks = choose_tracks(container)
        assert (tracks.videos, tracks.audios) == (1, 2)
    with open_container(encode(tmp_path / "a.mp3", Tone("libmp3lame"), SLEEVE)) as container:
        tracks = choose_tracks(container)
        assert (tracks.video, tracks.videos, tracks.audios) == (None, 0, 1)
