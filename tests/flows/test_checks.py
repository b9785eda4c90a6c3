"""What is refused before anything runs."""

import json
from pathlib import Path

import pytest

from flows.checks import checked, measurable
from recipes.reading import read_recipe
from schemas.values import UserError
from tests.stages import one_line


def demo_with_model(folder: Path) -> None:
    checked(read_recipe("demo", [f"model={{folder: {folder}}}"]))


def test_checkpoint_that_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(UserError) as caught:
        demo_with_model(tmp_path)
    assert f"{tmp_path}: model_type 'llama' cannot be trained; known are qwen2_5_omni" in one_line(caught.value)


def test_missing_checkpoint_is_refused_with_the_way_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"folder .*/none does not exist: .*--set model\.folder=PATH"):
        demo_with_model(tmp_path / "none")


def test_folders_are_looked_for_only_where_they_are_read(tmp_path: Path) -> None:
    recipe = read_recipe("demo", [f"sources.emer.folder={tmp_path}/none", f"model={{folder: {tmp_path}/none}}"])
    assert checked(recipe, "nothing") is recipe
    with pytest.raises(UserError, match=r"source emer: folder .* does not exist"):
        checked(recipe)


def test_model_is_not_looked_for_where_only_data_are_read(tmp_path: Path) -> None:
    recipe = read_recipe("demo", [f"model={{folder: {tmp_path}/none}}"])
    assert checked(recipe, "data") is recipe


def test_vllm_without_a_whole_model_to_open_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = read_recipe("demo", ["stages.grpo1.params.rollouts={engine: vllm, agreement: {}}"])
    with pytest.raises(UserError, match=r"stage grpo1: rollouts\.engine vllm opens .* CONTEXTFIRST_VLLM_FOLDER"):
        checked(recipe)
    monkeypatch.setenv("CONTEXTFIRST_VLLM_FOLDER", str(tmp_path))
    assert checked(recipe) is recipe


def test_recipe_without_benchmarks_is_refused_before_anything_is_paid_for() -> None:
    recipe = read_recipe("demo", ["evaluation.benchmarks=[]"])
    with pytest.raises(UserError, match=r"evaluation\.benchmarks is empty"):
        measurable(recipe)


def test_folder_with_a_known_checkpoint_passes(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3_omni_moe"}))
    demo_with_model(tmp_path)
