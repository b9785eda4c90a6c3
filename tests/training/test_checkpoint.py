"""Checkpoints: the tiny model, the thinker inside a full Omni model, and old and new processor folders."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForMultimodalLM,
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
    Qwen2_5OmniThinkerForConditionalGeneration,
)

from schemas.completion import TAGS
from schemas.example import Example
from schemas.values import UserError
from training.checkpoint import freeze, load_model, load_processor, mark_whole, newest_whole
from training.prompts import texts
from training.tiny import make_tiny
from training.tiny_params import TinyParams

Model = Qwen2_5OmniThinkerForConditionalGeneration


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_official_class_reads_a_tiny_checkpoint(tiny: Path, model: Model) -> None:
    assert same_weights(AutoModelForMultimodalLM.from_pretrained(tiny), model)


def test_the_tiny_model_has_about_a_million_weights(model: Model) -> None:
    assert 0.8e6 < sum(weights.numel() for weights in model.parameters()) < 1.0e6


def test_equal_texts_and_params_make_equal_bytes(tmp_path: Path, tiny: Path, asked: dict[str, Example]) -> None:
    written = [text for each in asked.values() for text in texts(each, "context_first")]
    make_tiny(tmp_path, written, TinyParams())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in tiny.iterdir()
    }


def test_another_seed_makes_another_model(tmp_path: Path, model: Model) -> None:
    make_tiny(tmp_path, ["a few words"], TinyParams(seed=1))
    other = load_model(tmp_path)
    name = "model.visual.merger.mlp.0.weight"
    assert not torch.equal(other.get_parameter(name), model.get_parameter(name))


def test_each_tag_is_one_token_that_decoding_keeps(tiny: Path) -> None:
    tokenizer = load_processor(tiny).tokenizer
    for tag in TAGS:
        (id,) = tokenizer.encode(tag, add_special_tokens=False)
        assert tokenizer.decode([id], skip_special_tokens=True) == tag


def test_any_text_survives_the_tokenizer(tiny: Path) -> None:
    tokenizer = load_processor(tiny).tokenizer
    for text in ("What colour ?", "naïve 東京 🙂 3.14", "  spaces\n\nand lines ", "<context>a</context>"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


@pytest.mark.filterwarnings("ignore")
def test_the_thinker_is_taken_out_of_a_full_model(model: Model, tmp_path: Path) -> None:
    config = Qwen2_5OmniConfig(thinker_config=model.config.to_dict(), enable_audio_output=False)
    full = Qwen2_5OmniForConditionalGeneration(config)
    full.thinker.load_state_dict(model.state_dict())
    full.save_pretrained(tmp_path)
    assert same_weights(load_model(tmp_path), model)


def test_a_processor_saved_the_old_way_is_read(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    saved = json.loads((tmp_path / "processor_config.json").read_text())
    template = (tmp_path / "chat_template.jinja").read_text()
    for name in ("processor_config.json", "chat_template.jinja"):
        (tmp_path / name).unlink()
    old = {
        **saved["image_processor"],
        **saved["feature_extractor"],
        "processor_class": "Qwen2_5OmniProcessor",
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    processor = load_processor(tmp_path)
    assert processor.feature_extractor.chunk_length == TinyParams().sound_seconds
    assert processor.chat_template == template
    assert processor.video_processor.patch_size == 14


def test_a_folder_without_a_model_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        load_model(tmp_path)


def test_frozen_towers_are_left_out_of_training(tiny: Path) -> None:
    model = load_model(tiny)
    freeze(model, ("vision", "audio"))
    trained = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert trained
    assert not [name for name in trained if "visual" in name or "audio_tower" in name]


def test_only_marked_checkpoints_count_and_the_latest_by_number_wins(tmp_path: Path) -> None:
    assert newest_whole(tmp_path) is None
    for step in (2, 10, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
    mark_whole(tmp_path / "checkpoint-2")
    mark_whole(tmp_path / "checkpoint-10")
    assert newest_whole(tmp_path) == tmp_path / "checkpoint-10"
