"""Qwen3-Omni through the whole of training: encoding, fine-tuning, reinforcement learning, saving."""

from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest
import torch
from transformers import (
    AutoModelForMultimodalLM,
    PreTrainedModel,
    Qwen3OmniMoeConfig,
    Qwen3OmniMoeForConditionalGeneration,
    Qwen3OmniMoeProcessor,
)

from schemas.example import Example, to_table
from schemas.training import Decoding, GrpoJob, GrpoParams, MediaSettings, Optimizer, RewardTerm, SftJob, SftParams
from tests.training.clips import example, keep, write_sound, write_video
from tests.training.conftest import RED, SMALL
from tests.training.rewards.examples import JUDGE
from training import grpo, sft
from training.checkpoint import freeze, load_model, load_processor
from training.engines.local import TransformersEngine, suppressed
from training.inputs import Encoder, Inputs, batch
from training.judging import SideLoop
from training.prompts import texts
from training.tiny import make_tiny
from training.tiny_params import TinyParams


@pytest.fixture(scope="module")
def tiny3(tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Example]) -> Path:
    folder = tmp_path_factory.mktemp("tiny3")
    written = [text for each in asked.values() for text in texts(each, "context_first")]
    make_tiny(folder, written, TinyParams(family="qwen3_omni_moe"))
    return folder


@pytest.fixture(scope="module")
def processor3(tiny3: Path) -> Qwen3OmniMoeProcessor:
    return cast(Qwen3OmniMoeProcessor, load_processor(tiny3))


@pytest.fixture
def encoder3(processor3: Qwen3OmniMoeProcessor, blobs: Path) -> Encoder:
    return Encoder(processor3, SMALL, blobs)


@pytest.fixture(scope="module")
def model3(tiny3: Path) -> PreTrainedModel:
    """With noise on all weights: fresh biases are zero, and hide what reaches over a border."""
    model = load_model(tiny3)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.05 * torch.randn(weights.shape, generator=noise))
    return model


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, blobs: Path, asked: dict[str, Example]) -> dict[str, Example]:
    """All mixes of media, and a sound that ends within its first second."""
    path = write_sound(tmp_path_factory.mktemp("blip") / "blip.wav", 500, seconds=0.45)
    return {**asked, "blip": example("blip", keep(blobs, path, "audio", has_audio=True))}


def logits(model: PreTrainedModel, inputs: list[Inputs], side: Any) -> list[torch.Tensor]:
    """(tokens, vocabulary) of each example, without padding."""
    given = batch(inputs, 0, side)
    with torch.inference_mode():
        out = model(**given).logits
    return [row[mask.bool()] for row, mask in zip(out, cast(Any, given["attention_mask"]), strict=True)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("audio", ["interleaved", "separate"])
def test_a_mixed_batch_equals_its_examples_one_by_one(
    side: str,
    audio: str,
    model3: PreTrainedModel,
    processor3: Qwen3OmniMoeProcessor,
    blobs: Path,
    clips: dict[str, Example],
) -> None:
    encoder = Encoder(processor3, SMALL.model_copy(update={"audio": audio}), blobs)
    inputs = [encoder.encode(each, "direct") for each in clips.values()]
    for each, found in zip(inputs, logits(model3, inputs, side), strict=True):
        torch.testing.assert_close(found, logits(model3, [each], side)[0], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("mix", ["video", "silent", "picture and sound", "blip", "text"])
def test_placeholders_are_as_many_as_the_towers_features(
    mix: str, model3: PreTrainedModel, encoder3: Encoder, clips: dict[str, Example]
) -> None:
    inputs = encoder3.encode(clips[mix], "direct")
    given, processor, tower = inputs.tensors, encoder3.processor, cast(Any, model3)
    found = {"audio": 0, "video": 0, "image": 0}
    with torch.inference_mode():
        if "input_features" in given:
            heard = tower.get_audio_features(given["input_features"], given["feature_attention_mask"])
            found["audio"] = len(heard.last_hidden_state)
        if "pixel_values_videos" in given:
            seen = tower.get_video_features(given["pixel_values_videos"], given["video_grid_thw"])
            found["video"] = sum(map(len, seen.pooler_output))
        if "pixel_values" in given:
            seen = tower.get_image_features(given["pixel_values"], given["image_grid_thw"])
            found["image"] = sum(map(len, seen.pooler_output))
    assert {kind: inputs.ids.count(getattr(processor, f"{kind}_token_id")) for kind in found} == found


def test_two_seconds_of_sound_are_twenty_six_tokens(encoder3: Encoder, asked: dict[str, Example]) -> None:
    ids = encoder3.encode(asked["video"], "direct").ids
    assert ids.count(encoder3.processor.audio_token_id) == 26


def test_a_long_clips_sound_lies_between_its_frames_at_their_true_times(
    tmp_path_factory: pytest.TempPathFactory, blobs: Path, asked: dict[str, Example]
) -> None:
    """20 s at 32 frames: 1.25 s, thus 16.25 sound tokens, from one pair of frames to the next."""
    made = tmp_path_factory.mktemp("long")
    make_tiny(made, texts(asked["video"], "direct"), TinyParams(family="qwen3_omni_moe", sound_seconds=30))
    medium = keep(blobs, write_video(made / "long.mp4", RED, 400, seconds=20.0), "video", has_audio=True)
    settings = MediaSettings(fps=2, max_frames=32, min_pixels=64 * 64, max_pixels=64 * 64)
    processor = load_processor(made)
    inputs = Encoder(processor, settings, blobs).encode(example("long", medium), "direct")
    assert inputs.tensors["video_second_per_grid"].tolist() == pytest.approx([1.25], rel=0.01)
    runs = [(token, len(list(run))) for token, run in groupby(inputs.ids)]
    heard = [length for token, length in runs if token == processor.audio_token_id]
    assert len(heard) == 16 and set(heard[:15]) == {16, 17} and sum(heard[:4]) == 65
    assert places_of_sound_are_sounds(load_model(made), inputs, processor.audio_token_id)


def places_of_sound_are_sounds(model: PreTrainedModel, inputs: Inputs, sound: int) -> bool:
    """The model merges sound and frames by time once more, for positions: it has to find the processor's order.

    A sound's time, height and width are one number, a frame's are not.
    """
    ids, given = torch.tensor([inputs.ids]), inputs.tensors
    positions, _ = cast(Any, model).model.get_rope_index(
        ids,
        video_grid_thw=given["video_grid_thw"],
        attention_mask=torch.ones_like(ids),
        use_audio_in_video=True,
        audio_seqlens=given["feature_attention_mask"].sum(-1),
        second_per_grids=given["video_second_per_grid"],
    )
    time, height, width = positions[:, 0, ids[0] == sound]
    return torch.equal(time, height) and torch.equal(time, width) and bool((time.diff() == 1).all())


def test_what_is_written_with_a_cache_is_what_a_whole_pass_would_write(
    model3: PreTrainedModel, encoder3: Encoder, clips: dict[str, Example]
) -> None:
    """Positions go on from media in generation as they do in scoring."""
    inputs = [encoder3.encode(each, "direct") for each in clips.values()]
    tokenizer = encoder3.processor.tokenizer
    banned = suppressed(tokenizer, model3.config.get_text_config().vocab_size)
    completions = TransformersEngine(model3, tokenizer).complete(inputs, Decoding(max_new_tokens=5))
    for each, written in zip(inputs, completions, strict=True):
        whole = Inputs(each.id, each.prompt, each.ids + written.ids, each.tensors, each.interleaved)
        scores = logits(model3, [whole], "right")[0][len(each.ids) - 1 : -1].clone()
        scores[:, banned] = -torch.inf
        assert scores.argmax(-1).tolist() == list(written.ids)


def test_no_placeholder_can_be_sampled(model3: PreTrainedModel, encoder3: Encoder) -> None:
    processor = encoder3.processor
    banned = suppressed(processor.tokenizer, model3.config.get_text_config().vocab_size)
    assert {processor.audio_token_id, processor.video_token_id, processor.image_token_id} <= set(banned)


def test_frozen_towers_are_left_out_of_training_with_their_deep_features(tiny3: Path) -> None:
    model = load_model(tiny3)
    freeze(model, ("vision", "audio"))
    trained = [name for name, weights in model.named_parameters() if weights.requires_grad]
    assert any("experts" in name for name in trained)
    assert not [name for name in trained if "visual" in name or "audio_tower" in name]


@pytest.mark.filterwarnings("ignore")
def test_the_thinker_is_taken_out_of_a_full_model(tiny3: Path, tmp_path: Path) -> None:
    model = load_model(tiny3)
    config = Qwen3OmniMoeConfig(thinker_config=model.config.to_dict(), enable_audio_output=False)
    full = Qwen3OmniMoeForConditionalGeneration(config)
    full.thinker.load_state_dict(model.state_dict())
    full.save_pretrained(tmp_path)
    assert same_weights(load_model(tmp_path), model)


def same_weights(one: PreTrainedModel, other: PreTrainedModel) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def sft_job(folder: Path, tiny3: Path, blobs: Path, examples: list[Example], **changes: Any) -> SftJob:
    folder.mkdir(exist_ok=True)
    pq.write_table(to_table(examples), folder / "examples.parquet")
    params = {
        "format": "context_first",
        "steps": 2,
        "batch_size": 4,
        "optimizer": Optimizer(lr=3e-3),
        "media": SMALL,
        "save_every": 1,
        **changes,
    }
    return SftJob(
        examples=str(folder / "examples.parquet"),
        blobs=str(blobs),
        checkpoint=str(tiny3),
        out=str(folder / "out"),
        work=str(folder / "work"),
        params=SftParams(**params),
    )


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, tiny3: Path, blobs: Path, asked: dict[str, Example]) -> SftJob:
    """Two steps, every weight trained."""
    job = sft_job(tmp_path_factory.mktemp("tuned"), tiny3, blobs, list(asked.values()))
    sft.main(job)
    return job


def test_two_steps_of_fine_tuning_change_every_part(tuned: SftJob, tiny3: Path) -> None:
    before, after = load_model(tiny3).state_dict(), load_model(Path(tuned.out) / "model").state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    for part in ("visual.merger_list", "visual.pos_embed", "audio_tower.conv2d1", "mlp.gate", "experts.down_proj"):
        assert any(part in name for name in changed), part


def test_a_saved_checkpoint_is_read_by_the_official_class(tuned: SftJob) -> None:
    folder = Path(tuned.out) / "model"
    assert same_weights(AutoModelForMultimodalLM.from_pretrained(folder), load_model(folder))


def test_going_on_from_a_checkpoint_ends_in_the_same_bytes(
    tuned: SftJob, tmp_path: Path, tiny3: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    """Experts are saved one by one and live as one tensor: all of them have to come back."""
    job = sft_job(tmp_path / "again", tiny3, blobs, list(asked.values()))
    sft.main(job)
    (Path(job.work) / "checkpoint-2" / "whole").unlink()
    sft.main(job)
    for name in ("model/model.safetensors", "metrics.parquet"):
        assert (Path(job.out) / name).read_bytes() == (Path(tuned.out) / name).read_bytes(), name


@pytest.fixture(scope="module")
def cold3(tmp_path_factory: pytest.TempPathFactory, tiny3: Path, blobs: Path, asked: dict[str, Example]) -> SftJob:
    """A policy that mostly keeps the format, and still varies."""
    rows = [asked[mix] for mix in ("video", "short", "silent", "text")]
    changes = {"steps": 20, "save_every": 20, "optimizer": Optimizer(lr=4e-3, warmup_steps=2)}
    job = sft_job(tmp_path_factory.mktemp("cold3"), tiny3, blobs, rows, **changes)
    sft.main(job)
    return job


def test_a_step_of_reinforcement_learning_trains_experts_and_starts_without_drift(
    cold3: SftJob, tmp_path: Path, blobs: Path
) -> None:
    start = Path(cold3.out) / "model"
    params = GrpoParams(
        steps=1,
        prompts_per_step=2,
        completions_per_prompt=4,
        optimizer=Optimizer(lr=1e-3, schedule="constant"),
        media=SMALL,
        decoding=Decoding(max_new_tokens=32, temperature=1.0),
        rewards=(RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0)),
        judge=JUDGE,
        freeze=("vision", "audio"),
        mask_truncated=False,
        seed=1,
    )
    job = GrpoJob(
        examples=cold3.examples,
        blobs=str(blobs),
        checkpoint=str(start),
        out=str(tmp_path / "out"),
        work=str(tmp_path / "work"),
        params=params,
    )
    with SideLoop() as loop:
        grpo.train(job, None, loop)
    logged = {row["name"]: row["value"] for row in pq.read_table(tmp_path / "out" / "metrics.parquet").to_pylist()}
    assert logged["kl"] == pytest.approx(0, abs=1e-5) and logged["grad_norm"] > 0
    before, after = load_model(start).state_dict(), load_model(tmp_path / "out" / "model").state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert any("experts" in name for name in changed)
    assert not [name for name in changed if "visual" in name or "audio_tower" in name]
