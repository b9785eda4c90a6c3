"""The table of families: its facts against the official classes, and which family a folder is."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoConfig
from transformers.models.auto.auto_mappings import PROCESSOR_MAPPING_NAMES

from schemas.values import UserError
from training.checkpoint import load_model, load_processor
from training.families import FAMILIES, Family, family_at, family_named, family_of
from training.tiny import make_tiny
from training.tiny_params import TinyParams
from training.video_processor import PatchVideoProcessor

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.named.title)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny checkpoint of each family, by its thinker's name."""
    folders = {family.named.thinker: tmp_path_factory.mktemp(family.named.full) for family in FAMILIES}
    for family in FAMILIES:
        make_tiny(folders[family.named.thinker], ["a few words"], TinyParams(family=cast(Any, family.named.full)))
    return folders


@each_family
def test_a_checkpoint_is_read_by_its_familys_classes(family: Family, made: dict[str, Path]) -> None:
    folder = made[family.named.thinker]
    assert family_at(folder) is family
    assert type(load_model(folder)) is family.model
    processor = load_processor(folder)
    assert type(processor) is family.processor
    assert family_of(processor) is family


@each_family
def test_transformers_knows_both_names_of_a_family(family: Family) -> None:
    assert type(AutoConfig.for_model(family.named.thinker)) is family.model.config_class
    assert PROCESSOR_MAPPING_NAMES[family.named.full] == family.processor.__name__
    assert family_named(family.named.full) is family_named(family.named.thinker) is family


@each_family
def test_the_processor_takes_its_media_tokens_from_the_table(family: Family, made: dict[str, Path]) -> None:
    processor = load_processor(made[family.named.thinker])
    for role, token in family.tokens._asdict().items():
        assert getattr(processor, f"{role}_token") == token
        assert processor.tokenizer.encode(token) == [processor.tokenizer.convert_tokens_to_ids(token)]


@each_family
def test_the_audio_tower_makes_as_many_features_as_the_formula_says(family: Family, made: dict[str, Path]) -> None:
    tower = load_model(made[family.named.thinker]).get_submodule(family.towers["audio"])
    official = getattr(tower, "_get_feat_extract_output_lengths", None)
    for frames in [*range(10, 120), 199, 200, 201, 1000, 1234]:
        given = torch.tensor([frames])
        extra = {"aftercnn_lens": official(given)[0]} if official else {}
        with torch.inference_mode():
            found = tower(torch.zeros(128, frames), feature_lens=given, **extra).last_hidden_state
        assert len(found) == int(family.sound_tokens(given)), frames


@each_family
def test_a_sound_of_the_shortest_length_gives_a_token(family: Family) -> None:
    assert family.sound_tokens(torch.tensor([round(100 * family.shortest_sound)])) > 0


@each_family
def test_a_still_film_gives_the_patches_of_the_official_picture_processor(
    family: Family, made: dict[str, Path]
) -> None:
    """Two equal frames that need no resizing, with the family's own patch size and mean colours."""
    processor = load_processor(made[family.named.thinker])
    side = 2 * processor.image_processor.patch_size
    frame = torch.randint(256, (2 * side, 3 * side, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    size = {"shortest_edge": 1, "longest_edge": frame.numel()}
    picture = processor.image_processor([frame.numpy()], size=size, return_tensors="pt")
    film = processor.video_processor([torch.stack([frame, frame]).numpy()], size=size)
    assert film["video_grid_thw"].tolist() == picture["image_grid_thw"].tolist() == [[1, 4, 6]]
    torch.testing.assert_close(film["pixel_values_videos"], picture["pixel_values"], atol=1e-5, rtol=0)


@each_family
def test_a_processor_folder_of_old_keeps_its_patch_size(family: Family, made: dict[str, Path], tmp_path: Path) -> None:
    """As the hub has them: one file for pictures, videos and sound."""
    saved = json.loads((made[family.named.thinker] / "processor_config.json").read_text())
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((made[family.named.thinker] / name).read_bytes())
    old = {**saved["image_processor"], **saved["feature_extractor"]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    films, pictures = load_processor(tmp_path).video_processor, load_processor(tmp_path).image_processor
    assert isinstance(films, PatchVideoProcessor)
    assert films.patch_size == pictures.patch_size == saved["image_processor"]["patch_size"]
    assert list(films.image_mean) == list(pictures.image_mean) == saved["image_processor"]["image_mean"]


@pytest.mark.parametrize("written", ['{"model_type": "qwen2_vl"}', '{"model_type": null}'])
def test_an_unknown_family_is_the_users_mistake_and_the_known_ones_are_named(tmp_path: Path, written: str) -> None:
    (tmp_path / "config.json").write_text(written)
    for load in (load_model, load_processor):
        with pytest.raises(
            UserError, match=r"cannot be trained.*qwen2_5_omni \(Qwen2.5-Omni\).*qwen3_omni_moe_thinker"
        ):
            load(tmp_path)


@pytest.mark.parametrize("written", ["{}", "[]", "not JSON"])
def test_a_configuration_without_a_type_is_the_users_mistake(tmp_path: Path, written: str) -> None:
    (tmp_path / "config.json").write_text(written)
    with pytest.raises(UserError, match=r"config\.json is not a model's configuration: it names no model_type"):
        family_at(tmp_path)
