"""What each view changes of what the model receives, by the real encoder on real clips, and that it changes no more."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import pytest
import torch
from transformers import Qwen2_5OmniProcessor

from media.blobs import blob_path
from media.waveform import SAMPLE_RATE, read_waveform, shifted
from schemas.example import Example, Media
from schemas.training import Altering, GenerateParams, MediaSettings, View
from tests.training.clips import example, keep, write_picture, write_sound, write_video
from tests.training.conftest import BLUE, RED, SMALL
from training.generate import Policy
from training.inputs import Encoder, Inputs
from training.prompts import TRANSCRIPT, question_text
from training.views import DECODED, NO_OTHER, NO_SUBTITLES, Shown, shown

LAYOUTS: tuple[Literal["interleaved", "separate"], ...] = ("interleaved", "separate")
GREEN = (20, 200, 40)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory, blobs: Path) -> dict[str, Media]:
    made = tmp_path_factory.mktemp("views")
    files = {
        "red": write_video(made / "v-red.mp4", RED, 400),
        "blue": write_video(made / "v-blue.mp4", BLUE, 1500),
        "green": write_video(made / "v-green.mp4", GREEN, 900),
        "silent": write_video(made / "v-silent.mp4", GREEN, None),
    }
    clips = {name: keep(blobs, path, "video", has_audio=name != "silent") for name, path in files.items()}
    picture = keep(blobs, write_picture(made / "v-red.png", RED), "image")
    sound = keep(blobs, write_sound(made / "v-tone.wav", 900), "audio", has_audio=True)
    return {**clips, "picture": picture, "sound": sound}


@pytest.fixture
def rows(media: dict[str, Media]) -> list[Example]:
    """Three clips with sound, of which the red one is asked about twice."""
    told = {"subtitles": "It beeps twice."}
    return [
        example("1", media["red"]).model_copy(update={"group": "red", **told}),
        example("2", media["red"]).model_copy(update={"group": "red", "question": "And then?", **told}),
        example("3", media["blue"]).model_copy(update=told),
        example("4", media["green"]).model_copy(update=told),
    ]


def params(view: View, layout: Literal["interleaved", "separate"], altering: Altering) -> GenerateParams:
    given = {"format": "context_first", "media": SMALL.model_copy(update={"audio": layout}), "decoding": DECODING}
    return GenerateParams.model_validate(given).seen_as(view, altering)


DECODING = {"max_new_tokens": 4}


def received(
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    rows: Sequence[Example],
    view: View,
    layout: Literal["interleaved", "separate"] = "interleaved",
    altering: Altering | None = None,
) -> list[Inputs]:
    """What the model gets of each row in a view, as `training.generate` makes it."""
    how = params(view, layout, altering or Altering())
    encoder = Encoder(processor, how.media, blobs, altering=how.altering)
    policy = Policy(cast("object", None), encoder, how)  # type: ignore[arg-type]
    found = [policy._encode(row) for row in shown(rows, how.view, how.altering)]
    assert all(isinstance(each, Inputs) for each in found), found
    return cast(list[Inputs], found)


def same(one: Inputs, other: Inputs, but: Sequence[str] = ()) -> bool:
    assert one.tensors.keys() == other.tensors.keys()
    return all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items() if name not in but)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_question_alone_has_no_media_and_the_same_words(
    layout: Literal["interleaved", "separate"], processor: Qwen2_5OmniProcessor, blobs: Path, rows: list[Example]
) -> None:
    full = received(processor, blobs, rows, "full", layout)
    for row, alone, whole in zip(rows, received(processor, blobs, rows, "question_only", layout), full, strict=True):
        assert alone.tensors == {}
        placeholders = "|".join(map(re.escape, (processor.video_token, processor.audio_token)))
        assert alone.prompt == re.sub(rf"(<\|(vision|audio)_(bos|eos)\|>|{placeholders})", "", whole.prompt)
        assert question_text(row) in alone.prompt


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shuffled_media_are_whole_those_of_another_video(
    layout: Literal["interleaved", "separate"], processor: Qwen2_5OmniProcessor, blobs: Path, rows: list[Example]
) -> None:
    full = received(processor, blobs, rows, "full", layout)
    for seed in range(6):
        others = shown(rows, "shuffled_media", Altering(seed=seed))
        for row, other, found in zip(
            rows, others, received(processor, blobs, rows, "shuffled_media", layout, Altering(seed=seed)), strict=True
        ):
            (donor,) = {number for number, one in enumerate(rows) if one.media == other.example.media} - {1}
            assert rows[donor].group != row.group
            assert same(found, full[donor]) and not same(found, full[rows.index(row)])
            assert found.prompt == full[rows.index(row)].prompt


def test_shuffling_depends_on_the_seed_and_on_nothing_else(rows: list[Example]) -> None:
    def donors(given: Sequence[Example], seed: int) -> dict[str, str]:
        return {
            one.example.id: one.example.media[0].path for one in shown(given, "shuffled_media", Altering(seed=seed))
        }

    assert donors(rows, 3) == donors(rows[::-1], 3)
    assert len({tuple(sorted(donors(rows, seed).items())) for seed in range(8)}) > 1


def test_another_video_is_of_the_same_benchmark_and_has_the_same_kinds_of_media(media: dict[str, Media]) -> None:
    rows = [
        example("clip", media["red"]),
        example("silent", media["silent"]),
        example("elsewhere", media["blue"]).model_copy(update={"source": "other"}),
        example("still", media["picture"], media["sound"]),
    ]
    for one in shown(rows, "shuffled_media", Altering()):
        assert one.fault == NO_OTHER


def test_one_file_in_two_groups_is_no_other_video(media: dict[str, Media]) -> None:
    rows = [example("one", media["red"]), example("two", media["red"]), example("three", media["blue"])]
    for seed in range(5):
        one, two, three = shown(rows, "shuffled_media", Altering(seed=seed))
        assert (one.example.media, two.example.media) == (rows[2].media, rows[2].media)
        assert three.example.media == rows[0].media


def test_row_whose_file_is_gone_neither_gives_nor_takes_media(media: dict[str, Media]) -> None:
    gone = media["blue"].model_copy(update={"digest": "", "path": "blue.mp4"})
    rows = [example("one", media["red"]), example("two", gone), example("three", media["green"])]
    for seed in range(6):
        one, two, three = shown(rows, "shuffled_media", Altering(seed=seed))
        assert (one.example.media, three.example.media) == (rows[2].media, rows[0].media)
        assert two == Shown(rows[1], "blue.mp4 is not in the folder")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shifted_sound_is_the_clips_own_moved_in_time(
    layout: Literal["interleaved", "separate"],
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    rows: list[Example],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    altering, heard = Altering(seed=1, shift_seconds=0.5), list[np.ndarray]()

    def listen(samples: np.ndarray, seconds: float, drawn_by: str) -> np.ndarray:
        heard.append(shifted(samples, seconds, drawn_by))
        return heard[-1]

    monkeypatch.setattr("training.features.shifted", listen)
    full = received(processor, blobs, rows[2:], "full", layout)
    moved = received(processor, blobs, rows[2:], "shifted_audio", layout, altering)
    for row, before, after, sound in zip(rows[2:], full, moved, heard, strict=True):
        assert before.ids == after.ids and same(before, after, but=["input_features"])
        assert not torch.equal(before.tensors["input_features"], after.tensors["input_features"])
        own = read_waveform(blob_path(blobs, row.media[0].digest), processor.feature_extractor.chunk_length)
        assert own is not None and any(np.array_equal(np.roll(own, places), sound) for places in (8000, -8000))


def test_sound_is_moved_as_far_as_stated_or_by_half_its_length() -> None:
    samples = np.arange(3 * SAMPLE_RATE, dtype=np.float32)
    for seconds, places in ((1.0, SAMPLE_RATE), (1.5, 24_000), (3.0, 24_000), (1e9, 24_000)):
        moved = {tuple(shifted(samples, seconds, f"{seed}/clip")[:2]) for seed in range(12)}
        assert moved == {tuple(np.roll(samples, places)[:2]), tuple(np.roll(samples, -places)[:2])}
    assert shifted(samples[:0], 1.0, "nothing").size == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_transcript_stands_in_the_prompt_and_no_sound_is_left(
    layout: Literal["interleaved", "separate"], processor: Qwen2_5OmniProcessor, blobs: Path, rows: list[Example]
) -> None:
    full = received(processor, blobs, rows, "full", layout)
    for row, read, heard in zip(rows, received(processor, blobs, rows, "transcript", layout), full, strict=True):
        assert f"{TRANSCRIPT}\nIt beeps twice.\n\n{row.question}" in read.prompt
        assert "input_features" not in read.tensors and processor.audio_token_id not in read.ids
        assert not read.interleaved
        assert torch.equal(read.tensors["pixel_values_videos"], heard.tensors["pixel_values_videos"])


def test_sound_beside_a_picture_becomes_words_too(
    processor: Qwen2_5OmniProcessor, blobs: Path, media: dict[str, Media]
) -> None:
    row = example("still", media["picture"], media["sound"]).model_copy(update={"subtitles": "Taxi!"})
    (read,) = received(processor, blobs, [row], "transcript")
    assert read.tensors.keys() == {"pixel_values", "image_grid_thw"} and "Taxi!" in read.prompt


def test_row_without_subtitles_is_no_muted_row(media: dict[str, Media]) -> None:
    heard, silent = example("heard", media["red"]), example("silent", media["silent"])
    told = silent.model_copy(update={"subtitles": "A title."})
    found = shown([heard, silent, told], "transcript", Altering())
    assert [one.fault for one in found] == [NO_SUBTITLES, "", ""]
    assert found[1] == Shown(silent) and "A title." in found[2].example.question


@pytest.mark.parametrize("view", [view for view in get_args(View) if view not in DECODED])
def test_view_that_changes_the_example_cannot_be_left_to_the_encoder(
    view: View, encoder: Encoder, rows: list[Example]
) -> None:
    with pytest.raises(ValueError, match="changes the example before it is encoded"):
        encoder.encode(rows[0], "direct", view)


@pytest.mark.parametrize("view", get_args(View))
def test_every_view_keeps_id_gold_and_options(view: View, rows: list[Example]) -> None:
    for row, one in zip(rows, shown(rows, view, Altering()), strict=True):
        for field in ("id", "answer", "options", "group", "answer_kind"):
            assert getattr(one.example, field) == getattr(row, field)


def test_what_a_view_does_not_use_does_not_enter_its_fingerprint() -> None:
    settings = Altering(seed=9, shift_seconds=3)
    for view in get_args(View):
        entered = params(view, "interleaved", settings).altering
        assert (entered == settings) == (view in ("shuffled_media", "shifted_audio"))
    assert params("transcript", "interleaved", settings).media == MediaSettings(
        **SMALL.model_dump(exclude={"audio"}), audio="separate"
    )
