"""DeepSpeed's ZeRO: configuration, and two processes that train, go on and leave a plain checkpoint."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from schemas.example import Example
from schemas.training import SftParams
from schemas.values import UserError
from tests.training.ranks import train_on_ranks
from tests.training.test_sft import PARAMS, files, make_job
from training.checkpoint import load_model
from training.sft import main
from training.zero import deepspeed_config

INSTALLED = importlib.util.find_spec("deepspeed") is not None


def with_changes(**changes: Any) -> SftParams:
    return SftParams.model_validate(PARAMS.model_dump() | changes)


def test_without_zero_there_is_no_deepspeed() -> None:
    assert deepspeed_config(PARAMS) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"offload": ("optimizer",)}, "needs zero: 2 or zero: 3"),
        ({"zero": 2, "offload": ("weights",)}, "needs zero: 3"),
    ],
)
def test_what_cannot_be_offloaded_is_the_users_mistake(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        deepspeed_config(with_changes(**changes))


@pytest.mark.skipif(INSTALLED, reason="DeepSpeed is installed")
def test_zero_without_deepspeed_says_what_to_install() -> None:
    with pytest.raises(UserError, match=r"contextfirst\[distributed\]"):
        deepspeed_config(with_changes(zero=3))


@pytest.mark.skipif(not INSTALLED, reason="installed with the extra `distributed`")
def test_the_configuration_says_what_is_shared_and_what_is_offloaded() -> None:
    made = deepspeed_config(with_changes(zero=3, offload=("optimizer", "weights")))
    assert made is not None
    stage = made["zero_optimization"]
    assert (stage["stage"], stage["offload_optimizer"]["device"], stage["offload_param"]["device"]) == (3, "cpu", "cpu")
    assert stage["stage3_gather_16bit_weights_on_model_save"]


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="installed with the extra `distributed`")
@pytest.mark.parametrize("zero", [2, 3])
@pytest.mark.parametrize("lora", [None, {"rank": 4, "alpha": 8}])
def test_two_ranks_train_go_on_and_leave_a_plain_checkpoint(
    zero: int, lora: dict[str, Any] | None, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    changes = {"steps": 4, "lora": with_changes(lora=lora).lora}
    alone = make_job(tmp_path / "alone", tiny, blobs, asked, **changes)
    main(alone)
    job = make_job(tmp_path / "ranks", tiny, blobs, asked, **changes, world_size=2, zero=zero)
    train_on_ranks(job, tmp_path, deadline=400)
    first = files(tmp_path / "ranks" / "out")
    _as_killed_in_its_last_save(tmp_path / "ranks")
    train_on_ranks(job, tmp_path, deadline=400)
    assert files(tmp_path / "ranks" / "out") == first
    _equal_but_for_rounding(tmp_path / "ranks" / "out" / "model", tmp_path / "alone" / "out" / "model", tiny)


def _as_killed_in_its_last_save(folder: Path) -> None:
    for path in (folder / "out").rglob("*"):
        if path.is_file():
            path.unlink()
    (folder / "work" / "checkpoint-4" / "whole").unlink()
    (folder / "work" / "checkpoint-4" / "trainer_state.json").write_text("{")


def _equal_but_for_rounding(made: Path, wanted: Path, before: Path) -> None:
    official, loading = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(made, output_loading_info=True)
    assert not (loading["missing_keys"] or loading["unexpected_keys"])
    expected, base = load_model(wanted).state_dict(), load_model(before).state_dict()
    for name, weight in official.state_dict().items():
        torch.testing.assert_close(weight, expected[name], atol=1e-5, rtol=1e-4)
    assert any(not torch.equal(weight, base[name]) for name, weight in official.state_dict().items())
