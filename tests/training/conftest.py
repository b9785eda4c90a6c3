"""A tiny checkpoint and a handful of real clips, made once for all tests of training."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import Qwen2_5OmniProcessor, Qwen2_5OmniThinkerForConditionalGeneration

from schemas.example import Example
from schemas.training import MediaSettings
from tests.training.clips import example, keep, write_picture, write_sound, write_video
from training.checkpoint import load_model, load_processor
from training.inputs import Encoder
from training.prompts import texts
from training.tiny import make_tiny
from training.tiny_params import TinyParams

SMALL = MediaSettings(fps=4, max_frames=8, min_pixels=56 * 56, max_pixels=56 * 56)
RED, BLUE = (220, 30, 30), (30, 30, 220)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """What a test says of ranks, for a library that asks the environment, no other test hears."""
    yield
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blobs")


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory, blobs: Path) -> dict[str, Example]:
    """One example of each mix of media, ready to learn from."""
    made = tmp_path_factory.mktemp("clips")
    red = keep(blobs, write_video(made / "red.mp4", RED, 400), "video", has_audio=True)
    blue = keep(blobs, write_video(made / "blue.mp4", BLUE, 2000, seconds=1.5), "video", has_audio=True)
    silent = keep(blobs, write_video(made / "silent.mp4", BLUE, None), "video")
    sound = keep(blobs, write_sound(made / "tone.wav", 900), "audio", has_audio=True)
    picture = keep(blobs, write_picture(made / "red.png", RED), "image")
    mixes = {
        "video": (red,),
        "short": (blue,),
        "silent": (silent,),
        "picture and sound": (picture, sound),
        "picture": (picture,),
        "sound": (sound,),
        "text": (),
    }
    return {
        name: example(
            name,
            *media,
            answer="B" if "blue" in [Path(each.path).stem for each in media] else "A",
            context=f"a square , as in {name} .",
            think="the colour is red",
        )
        for name, media in mixes.items()
    }


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Example]) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    written = [text for each in asked.values() for text in texts(each, "context_first")]
    make_tiny(folder, written, TinyParams())
    return folder


@pytest.fixture(scope="session")
def processor(tiny: Path) -> Qwen2_5OmniProcessor:
    return load_processor(tiny)


@pytest.fixture(scope="session")
def model(tiny: Path) -> Qwen2_5OmniThinkerForConditionalGeneration:
    return load_model(tiny)


@pytest.fixture
def encoder(processor: Qwen2_5OmniProcessor, blobs: Path) -> Encoder:
    return Encoder(processor, SMALL, blobs)
