"""Facts are measured from real files: made clips, and files with no shape or no tones in them."""

import random
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corpus.encode import write_scene
from corpus.scene import Scene, Wishes, draw_scene
from media.errors import MediaError
from media.facts import ClipFacts, measure, pairing_words, sentence

CLIPS = 48


def _scenes() -> list[Scene]:
    rng = random.Random(7)
    return [draw_scene(rng, "switch" if index % 3 == 0 else "steady", Wishes()) for index in range(CLIPS)]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Scene, ClipFacts]]:
    folder = tmp_path_factory.mktemp("clips")
    pairs = []
    for index, scene in enumerate(_scenes()):
        path = folder / f"{index}.mp4"
        write_scene(path, scene)
        pairs.append((scene, measure(path, None, None)))
    return pairs


def _write_wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_colours_of_made_clips_are_found_in_time_order(measured: list[tuple[Scene, ClipFacts]]) -> None:
    assert all(tuple(shown.colour for shown in facts.colours) == scene.colours for scene, facts in measured)


def test_direction_of_made_clips_is_found(measured: list[tuple[Scene, ClipFacts]]) -> None:
    assert all(facts.motion == scene.direction for scene, facts in measured)


def test_beeps_of_made_clips_are_counted(measured: list[tuple[Scene, ClipFacts]]) -> None:
    assert all(len(facts.tones) == scene.beeps for scene, facts in measured)


def test_pitches_of_made_clips_are_found_in_time_order(measured: list[tuple[Scene, ClipFacts]]) -> None:
    assert all(facts.pitches == scene.pitches for scene, facts in measured)


def test_colour_at_each_tone_of_a_switch_is_found(measured: list[tuple[Scene, ClipFacts]]) -> None:
    switches = [(scene, facts) for scene, facts in measured if scene.kind == "switch"]
    assert switches
    assert all(facts.colour_with("high") == scene.colour_at("high") for scene, facts in switches)
    assert all(facts.colour_with("low") == scene.colour_at("low") for scene, facts in switches)


def test_sentence_of_a_clip_is_short_and_uniform(tmp_path: Path) -> None:
    steady = Scene(("red",), "left", ("high",), 2, None, nuisance=5)
    switch = Scene(("red", "blue"), "up", ("low", "high"), 2, 0.8, nuisance=6)
    write_scene(tmp_path / "steady.mp4", steady)
    write_scene(tmp_path / "switch.mp4", switch)
    assert sentence(measure(tmp_path / "steady.mp4", None, None)) == "a red shape moves left . two high beeps ."
    assert (
        sentence(measure(tmp_path / "switch.mp4", None, None))
        == "a red then blue shape moves up . a low then high tone ."
    )


def test_pairing_says_which_colour_goes_with_which_tone(tmp_path: Path) -> None:
    write_scene(tmp_path / "a.mp4", Scene(("red", "blue"), "up", ("low", "high"), 2, 1.3, nuisance=6))
    write_scene(tmp_path / "b.mp4", Scene(("red",), "left", ("high",), 2, None, nuisance=5))
    assert pairing_words(measure(tmp_path / "a.mp4", None, None)) == "red with low , blue with high"
    assert pairing_words(measure(tmp_path / "b.mp4", None, None)) == ""


def test_silent_clip_has_no_sound(tmp_path: Path) -> None:
    scene = Scene(("green",), "down", ("low",), 1, None, nuisance=3)
    write_scene(tmp_path / "clip.mp4", scene, with_sound=False)
    facts = measure(tmp_path / "clip.mp4", None, None)
    assert facts.sound == "none"
    assert sentence(facts) == "a green shape moves down . no sound ."


def test_separate_sound_is_preferred_to_the_track_of_the_video(tmp_path: Path) -> None:
    write_scene(tmp_path / "clip.mp4", Scene(("green",), "down", ("low",), 1, None, nuisance=3))
    write_scene(tmp_path / "other.wav", Scene(("green",), "down", ("high",), 3, None, nuisance=4))
    facts = measure(tmp_path / "clip.mp4", tmp_path / "other.wav", None)
    assert sentence(facts) == "a green shape moves down . three high beeps ."


def test_picture_with_sound_is_described_without_motion(tmp_path: Path) -> None:
    scene = Scene(("yellow",), "left", ("middle",), 4, None, nuisance=9)
    write_scene(tmp_path / "clip.jpg", scene)
    write_scene(tmp_path / "clip.wav", scene)
    both = measure(None, tmp_path / "clip.wav", tmp_path / "clip.jpg")
    assert sentence(both) == "a yellow shape . four middle beeps ."
    assert sentence(measure(None, None, tmp_path / "clip.jpg")) == "a yellow shape ."
    assert sentence(measure(None, tmp_path / "clip.wav", None)) == "four middle beeps ."


def test_picture_without_a_shape_is_described_as_a_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(np.array([60, 45, 30]) + rng.normal(0, 8, (90, 160, 3)), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "forest.png")
    assert sentence(measure(None, None, tmp_path / "forest.png")) == "a dark brown picture ."


def test_noise_is_continuous_sound_and_zeros_are_silent(tmp_path: Path) -> None:
    noise = _write_wav(tmp_path / "noise.wav", np.random.default_rng(0).uniform(-0.2, 0.2, 32_000))
    zeros = _write_wav(tmp_path / "zeros.wav", np.zeros(32_000))
    assert sentence(measure(None, noise, None)) == "continuous sound ."
    assert measure(None, zeros, None).sound == "silent"


def test_undecodable_file_raises_a_media_error(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(np.random.default_rng(0).bytes(4096))
    with pytest.raises(MediaError, match=r"clip\.mp4"):
        measure(tmp_path / "clip.mp4", None, None)


def test_measuring_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to measure"):
        measure(None, None, None)
