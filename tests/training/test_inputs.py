"""Encoding: batches equal their examples one by one, and what would mislead a model is refused."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import Qwen2_5OmniProcessor, Qwen2_5OmniThinkerForConditionalGeneration

from media.blobs import blob_path
from schemas.example import Example, Media
from schemas.training import MediaSettings, View
from tests.training.clips import example, keep, write_sound, write_video
from tests.training.conftest import RED, SMALL
from training.features import FeatureReader, Features
from training.inputs import Encoder, Inputs, NoPrompt, batch, merge, specials
from training.prompts import AudioLayout, Part

Model = Qwen2_5OmniThinkerForConditionalGeneration


def as_published(audio: AudioLayout) -> MediaSettings:
    """Two frames a second, 32 at most, as the default; only smaller."""
    return MediaSettings(min_pixels=56 * 56, max_pixels=56 * 56, audio=audio)


def last_moment(model: Model, inputs: Inputs) -> int:
    """Position in time of a clip's last frames, from its first: 25 a second."""
    given = batch([inputs], 0, "right")
    ids = given["input_ids"]
    sounds = {"audio_seqlens": given["feature_attention_mask"].sum(-1)}  # type: ignore[union-attr]
    positions, _ = model.get_rope_index(
        ids,
        video_grid_thw=given["video_grid_thw"],
        attention_mask=given["attention_mask"],
        use_audio_in_video=given["use_audio_in_video"],
        second_per_grids=given["video_second_per_grid"],
        **sounds,
    )
    times = positions[0][ids == model.config.video_token_id]
    return int(times.max() - times.min())


def logits(model: Model, inputs: list[Inputs], side: str) -> list[torch.Tensor]:
    """(tokens, vocabulary) of each example, without padding."""
    given = batch(inputs, 0, side)  # type: ignore[arg-type]
    with torch.inference_mode():
        out = model(**given).logits
    return [row[mask.bool()] for row, mask in zip(out, given["attention_mask"], strict=True)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("audio", ["interleaved", "separate"])
def test_a_mixed_batch_equals_its_examples_one_by_one(
    side: str,
    audio: str,
    model: Model,
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    asked: dict[str, Example],
) -> None:
    encoder = Encoder(processor, SMALL.model_copy(update={"audio": audio}), blobs)
    inputs = [encoder.encode(each, "context_first") for each in asked.values()]
    together = logits(model, inputs, side)
    for each, found in zip(inputs, together, strict=True):
        torch.testing.assert_close(found, logits(model, [each], side)[0], atol=2e-4, rtol=1e-3)


def test_a_clip_of_two_seconds_has_sixteen_video_and_fifty_sound_tokens(
    encoder: Encoder, asked: dict[str, Example]
) -> None:
    ids = encoder.encode(asked["video"], "context_first").ids
    processor = encoder.processor
    assert ids.count(processor.video_token_id) == 16
    assert ids.count(processor.audio_token_id) == 50


@pytest.fixture(scope="module")
def long_clip(blobs: Path, tmp_path_factory: pytest.TempPathFactory) -> Media:
    """20 seconds: more than 32 frames at 2 a second."""
    path = write_video(tmp_path_factory.mktemp("long") / "long.mp4", RED, 400, seconds=20.0)
    return keep(blobs, path, "video", has_audio=True)


@pytest.mark.parametrize("audio", ["interleaved", "separate"])
def test_long_clip_uses_its_true_fps(
    audio: AudioLayout, long_clip: Media, model: Model, processor: Qwen2_5OmniProcessor, blobs: Path
) -> None:
    inputs = Encoder(processor, as_published(audio), blobs).encode(example("long", long_clip), "direct")
    assert inputs.tensors["video_grid_thw"].tolist() == [[16, 4, 4]]
    (seconds,) = inputs.tensors["video_second_per_grid"].tolist()
    assert seconds == pytest.approx(2 * 20 / 32, rel=0.01)
    assert last_moment(model, inputs) == int(15 * seconds * 25)


@pytest.mark.parametrize("audio", ["interleaved", "separate"])
def test_clips_of_different_rates_in_a_batch_equal_the_clips_one_by_one(
    audio: AudioLayout,
    long_clip: Media,
    model: Model,
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    asked: dict[str, Example],
) -> None:
    encoder = Encoder(processor, as_published(audio), blobs)
    both = example("both", long_clip, *asked["video"].media)
    inputs = [encoder.encode(each, "direct") for each in (asked["short"], example("long", long_clip), both)]
    rates = [row.tensors["video_second_per_grid"].tolist() for row in inputs]
    assert rates == [
        [pytest.approx(1.5, rel=0.01)],
        [pytest.approx(1.25, rel=0.01)],
        pytest.approx([1.25, 1.0], rel=0.01),
    ]
    for row, found in zip(inputs, logits(model, inputs, "left"), strict=True):
        torch.testing.assert_close(found, logits(model, [row], "left")[0], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("audio", ["interleaved", "separate"])
def test_silent_clips_beside_sounding_ones_leave_every_row_its_own_probabilities(
    audio: AudioLayout,
    long_clip: Media,
    model: Model,
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    asked: dict[str, Example],
) -> None:
    encoder = Encoder(processor, as_published(audio), blobs)
    (silent,), (loud,) = asked["silent"].media, asked["video"].media
    mixed = [example("silent", silent), example("long", long_clip), example("all", loud, silent, long_clip)]
    inputs = [encoder.encode(each, "direct") for each in mixed]
    for row, found in zip(inputs, logits(model, inputs, "right"), strict=True):
        alone = logits(model, [row], "right")[0].log_softmax(-1)
        torch.testing.assert_close(found.log_softmax(-1), alone, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("row", "spoiled", "kind"),
    [
        ("video", "video_token", "video"),
        ("video", "audio_token", "audio"),
        ("picture", "image_token", "image"),
        ("sound", "audio_token", "audio"),
    ],
)
def test_a_row_with_fewer_placeholders_than_features_is_refused_with_its_id(
    row: str,
    spoiled: str,
    kind: str,
    processor: Qwen2_5OmniProcessor,
    blobs: Path,
    asked: dict[str, Example],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder, token = Encoder(processor, SMALL, blobs), getattr(processor, f"{spoiled}_id")
    read = FeatureReader.read

    def lose_one(reader: FeatureReader, part: Part, view: View) -> Features:
        found = read(reader, part, view)
        at = found.ids.index(token)
        return found._replace(ids=(*found.ids[:at], *found.ids[at + 1 :]))

    monkeypatch.setattr(FeatureReader, "read", lose_one)
    with pytest.raises(NoPrompt, match=rf"{row}: \d+ {kind} placeholders for \d+ {kind} features"):
        encoder.encode(asked[row], "direct")


def test_a_silent_clip_is_heard_as_silence_of_its_own_length(encoder: Encoder, asked: dict[str, Example]) -> None:
    silent = encoder.encode(asked["silent"], "context_first")
    loud = encoder.encode(asked["video"], "context_first")
    assert silent.ids.count(encoder.processor.audio_token_id) == loud.ids.count(encoder.processor.audio_token_id)
    assert silent.tensors["input_features"].std() == 0


@pytest.mark.parametrize(("view", "changed"), [("muted", "input_features"), ("blind", "pixel_values_videos")])
def test_a_view_takes_away_one_sense_and_leaves_the_prompt(
    view: View, changed: str, encoder: Encoder, asked: dict[str, Example]
) -> None:
    full = encoder.encode(asked["video"], "context_first")
    less = encoder.encode(asked["video"], "context_first", view)
    assert less.ids == full.ids
    for name, tensor in full.tensors.items():
        assert torch.equal(tensor, less.tensors[name]) == (name != changed)


def test_a_blind_picture_is_flat(encoder: Encoder, asked: dict[str, Example]) -> None:
    pixels = encoder.encode(asked["picture"], "direct", "blind").tensors["pixel_values"]
    channels = pixels.view(-1, 3, 2 * 14 * 14)
    assert channels.std(dim=(0, 2)).max() < 1e-5


@pytest.mark.parametrize("injected", ["<|VIDEO|>", "<|im_start|>", "<|im_end|>"])
def test_special_tokens_in_a_question_are_refused_with_the_example(
    injected: str, encoder: Encoder, asked: dict[str, Example]
) -> None:
    spoiled = asked["video"].model_copy(update={"question": f"What? {injected}"})
    with pytest.raises(NoPrompt, match="video: its text holds"):
        encoder.encode(spoiled, "context_first")


def test_a_broken_file_makes_no_prompt(encoder: Encoder, blobs: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"not a video" * 100)
    with pytest.raises(NoPrompt, match="cannot read"):
        encoder.encode(example("broken", keep(blobs, path, "video", has_audio=True)), "direct")


@pytest.mark.parametrize(("width", "height"), [(9, 2000), (2000, 9)])
def test_a_picture_like_a_thread_makes_no_prompt(
    width: int, height: int, encoder: Encoder, blobs: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (width, height)).save(tmp_path / "thread.png")
    with pytest.raises(NoPrompt, match=f"a picture of {width}x{height} pixels is too narrow"):
        encoder.encode(example("thread", keep(blobs, tmp_path / "thread.png", "image")), "direct")


def test_media_are_read_once_whatever_the_question(
    processor: Qwen2_5OmniProcessor, blobs: Path, tmp_path: Path
) -> None:
    encoder = Encoder(processor, SMALL, blobs)
    medium = keep(blobs, write_sound(tmp_path / "once.wav", 700), "audio", has_audio=True)
    encoder.encode(example("first", medium), "direct")
    blob_path(blobs, medium.digest).unlink()
    assert encoder.encode(example("again", medium), "context_first").tensors["input_features"].shape[-1] == 100


def test_the_cache_stays_within_its_bytes_and_gives_the_same(
    processor: Qwen2_5OmniProcessor, blobs: Path, asked: dict[str, Example], encoder: Encoder
) -> None:
    narrow = Encoder(processor, SMALL, blobs, cache_bytes=1)
    for _ in range(2):
        for each in asked.values():
            found, kept = narrow.encode(each, "direct"), encoder.encode(each, "direct")
            assert found.ids == kept.ids
            assert all(torch.equal(found.tensors[name], kept.tensors[name]) for name in kept.tensors)


def test_every_special_token_is_known(processor: Qwen2_5OmniProcessor) -> None:
    found = {token.content for token in specials(processor.tokenizer).values()}
    assert {"<|im_start|>", "<|vision_pad|>", "<|VIDEO|>", "<|im_end|>"} <= found
    assert "<context>" not in found


def test_text_alone_has_no_media_arguments(encoder: Encoder, asked: dict[str, Example]) -> None:
    assert merge([encoder.encode(asked["text"], "direct")]) == {}
