"""Low-rank adapters: what is published is a plain checkpoint, and being killed changes nothing."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from schemas.example import Example
from schemas.training import Lora, Tower
from schemas.values import UserError
from tests.training.test_sft import PARAMS, as_killed_in_its_last_save, files, make_job
from training.checkpoint import load_model
from training.lora import adapters
from training.sft import main

LORA = Lora(rank=4, alpha=8, dropout=0.1)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory, tiny: Path, blobs: Path, asked: dict[str, Example]) -> Path:
    folder = tmp_path_factory.mktemp("adapted")
    main(make_job(folder, tiny, blobs, asked, lora=LORA, freeze=("vision", "audio")))
    return folder / "out"


def test_the_official_class_loads_what_was_merged_whole(adapted: Path) -> None:
    model, loading = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
        adapted / "model", output_loading_info=True
    )
    assert not (loading["missing_keys"] or loading["unexpected_keys"] or loading["mismatched_keys"])
    assert not [name for name in model.state_dict() if "lora" in name]


def test_each_adapted_weight_is_the_base_and_its_adapter_and_no_other_moved(adapted: Path, tiny: Path) -> None:
    adapter = load_file(adapted / "adapter" / "adapter_model.safetensors")
    before, after = load_model(tiny).state_dict(), load_model(adapted / "model").state_dict()
    moved = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    expected = {name.removeprefix("base_model.model.").replace(".lora_A", "") for name in adapter if "lora_A" in name}
    assert moved == expected != set()
    assert all(".language_model." in name for name in moved)
    for name in moved:
        down, up = (
            adapter[f"base_model.model.{name.removesuffix('.weight')}.lora_{side}.weight"] for side in ("A", "B")
        )
        torch.testing.assert_close(after[name], before[name] + LORA.alpha / LORA.rank * up @ down)


def test_the_adapter_beside_it_gives_the_same_model_on_the_base(adapted: Path, tiny: Path) -> None:
    wrapped = PeftModel.from_pretrained(load_model(tiny), str(adapted / "adapter"))
    ids = torch.arange(20)[None] % 100
    with torch.inference_mode():
        torch.testing.assert_close(
            wrapped(input_ids=ids).logits, load_model(adapted / "model")(input_ids=ids).logits, atol=1e-4, rtol=1e-4
        )


def test_going_on_from_a_checkpoint_ends_in_the_same_bytes(
    adapted: Path, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    """Dropout draws from the generator's state, so that has to be gone on from too."""
    job = make_job(tmp_path, tiny, blobs, asked, lora=LORA, freeze=("vision", "audio"))
    main(job)
    as_killed_in_its_last_save(tmp_path)
    main(job)
    assert files(tmp_path / "out") == files(adapted)


@pytest.mark.parametrize(("freeze", "reached"), [((), True), (("audio",), False)])
def test_a_tower_that_is_not_frozen_is_adapted_too(freeze: tuple[Tower, ...], reached: bool, tiny: Path) -> None:
    model = load_model(tiny)
    config = adapters(model, PARAMS.model_copy(update={"lora": LORA}), freeze)
    assert config is not None
    names = [name for name, _ in PeftModel(model, config).named_parameters() if "lora_" in name]
    assert any(".language_model." in name for name in names)
    assert any(".audio_tower." in name for name in names) == reached


@pytest.mark.parametrize(
    ("targets", "said"),
    [(("q_proj", "wq"), "no trained linear layer is named wq; there are"), (("lm_head",), "lm_head")],
)
def test_a_layer_that_cannot_have_an_adapter_is_the_users_mistake(
    targets: tuple[str, ...], said: str, tiny: Path
) -> None:
    lora = LORA.model_copy(update={"targets": targets})
    with pytest.raises(UserError, match=said):
        adapters(load_model(tiny), PARAMS.model_copy(update={"lora": lora}), ())
