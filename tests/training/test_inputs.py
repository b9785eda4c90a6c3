"""Encoding: batches equal their examples one by one, and what would mislead a model is refused."""

from pathlib import Path

import pytest
import torch
from transformers import Qwen2_5OmniProcessor, Qwen2_5OmniThinkerForConditionalGeneration

from media.blobs import blob_path
from media.errors import MediaError
from schemas.example import Example
from schemas.training import MediaSettings, View
from tests.training.clips import example, keep, write_sound, write_video
from tests.training.conftest import RED, SMALL
from training.inputs import Encoder, Inputs, batch, merge, specials

Model = Qwen2_5OmniThinkerForConditionalGeneration


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


def test_a_long_clip_keeps_its_own_rate(processor: Qwen2_5OmniProcessor, blobs: Path, tmp_path: Path) -> None:
    medium = keep(blobs, write_video(tmp_path / "long.mp4", RED, 400, seconds=20.0), "video", has_audio=True)
    settings = MediaSettings(fps=2, max_frames=32, min_pixels=56 * 56, max_pixels=56 * 56)
    inputs = Encoder(processor, settings, blobs).encode(example("long", medium), "direct")
    assert inputs.tensors["video_second_per_grid"].tolist() == pytest.approx([2 * 20 / 32], rel=0.01)


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
    with pytest.raises(ValueError, match="video: its text holds"):
        encoder.encode(spoiled, "context_first")


def test_a_broken_file_is_a_media_error(encoder: Encoder, blobs: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"not a video" * 100)
    with pytest.raises(MediaError):
        encoder.encode(example("broken", keep(blobs, path, "video", has_audio=True)), "direct")


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
