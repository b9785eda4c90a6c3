"""Ranks whose media differ: all go through the same towers, and nothing that is learnt changes by it."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from schemas.example import Example, MediaKind
from tests.training.ranks import train_on_ranks
from tests.training.test_sft import losses, make_job
from training.checkpoint import load_model
from training.collate import Collator
from training.inputs import Encoder
from training.sft import main
from training.towers import Passes, kinds

ALL: frozenset[MediaKind] = frozenset({"audio", "image", "video"})
MIXES = ("video", "silent", "picture and sound", "picture", "sound", "text")


def learn(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor | None]]:
    """The loss of a batch, and the gradient of each weight."""
    loss = model(**batch).loss
    loss.backward()
    return loss.detach(), {name: weight.grad for name, weight in model.named_parameters()}


@pytest.mark.parametrize("mix", MIXES)
def test_dummy_passes_change_neither_loss_nor_gradients(
    mix: str, tiny: Path, encoder: Encoder, asked: dict[str, Example]
) -> None:
    batch = Collator(encoder, "context_first")([asked[mix]])
    bare, dummied = load_model(tiny).train(), load_model(tiny).train()
    Passes(dummied, ALL)
    loss, gradients = learn(bare, batch)
    same_loss, same_gradients = learn(dummied, batch)
    assert torch.equal(loss, same_loss)
    for name, gradient in gradients.items():
        reached = same_gradients[name]
        assert reached is not None or name.endswith("audio_bos_eos_token.weight"), name  # which no pass uses
        if reached is not None:
            assert torch.equal(reached, torch.zeros_like(reached) if gradient is None else gradient), name


def test_every_batch_goes_through_sound_pictures_and_videos_in_that_order(
    tiny: Path, encoder: Encoder, asked: dict[str, Example]
) -> None:
    model = load_model(tiny).train()
    Passes(model, ALL)
    order: list[str] = []
    for name in ("audio_tower", "visual", "language_model"):
        model.get_submodule(f"model.{name}").register_forward_hook(lambda *_, name=name: order.append(name))
    for mix in MIXES:
        order.clear()
        model(**Collator(encoder, "context_first")([asked[mix]]))
        assert order == ["audio_tower", "visual", "visual", "language_model"], mix


def test_a_pass_that_generates_is_left_alone(tiny: Path, encoder: Encoder, asked: dict[str, Example]) -> None:
    model = load_model(tiny)
    Passes(model, ALL)
    model.get_submodule("model.visual").register_forward_hook(lambda *_: pytest.fail("a dummy was encoded"))
    ids = torch.tensor([encoder.encode(asked["text"], "direct").ids])
    assert model.generate(input_ids=ids, max_new_tokens=3, use_cache=True).shape[1] > ids.shape[1]


def test_only_kinds_that_some_example_has_are_made_up_for(asked: dict[str, Example]) -> None:
    assert kinds([asked["text"], asked["picture"]], "interleaved") == {"image"}
    assert kinds([asked["silent"]], "interleaved") == {"video", "audio"}
    assert kinds([asked["silent"]], "separate") == {"video"}
    assert kinds([asked["video"]], "separate") == {"video", "audio"}


@pytest.mark.parametrize("zero", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_mixed_modality_ranks_do_not_hang(
    zero: int, tmp_path: Path, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> None:
    """One example a pass, so that the two ranks meet every pairing of media that the order gives."""
    if zero:
        pytest.importorskip("deepspeed", reason="installed with the extra `distributed`")
    changes: dict[str, Any] = {"micro_batch": 1, "steps": 3, "batch_size": 4, "save_every": 3}
    alone = make_job(tmp_path / "alone", tiny, blobs, asked, **changes)
    spread = make_job(tmp_path / "spread", tiny, blobs, asked, **changes, world_size=2, zero=zero)
    main(alone)
    train_on_ranks(spread, tmp_path, deadline=400 if zero else 120)
    assert losses(tmp_path / "spread" / "out") == pytest.approx(losses(tmp_path / "alone" / "out"), rel=1e-4)
    assert pq.read_metadata(tmp_path / "spread" / "out" / "metrics.parquet").num_rows
