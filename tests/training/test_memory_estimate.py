"""The memory estimates: their formulas against what torch keeps, and the page against the command that makes it."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import Qwen2_5OmniThinkerConfig, Qwen3OmniMoeThinkerConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniThinkerTextModel
from transformers.models.qwen3_omni_moe.modeling_qwen3_omni_moe import Qwen3OmniMoeThinkerTextModel

from benchmarks.memory_estimate import (
    MODELS,
    Placement,
    Widths,
    adapter_weights,
    fixed,
    layer_bytes,
    tables,
    weights,
    widths,
)

PAGE = Path(__file__).parent.parent.parent / "docs" / "training.md"
TOKENS = 304
"""No width of a layer, so that what has this length is not weights."""


def dense(layers: int) -> torch.nn.Module:
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]}
    text = {"hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = Qwen2_5OmniThinkerConfig(
        text_config={**text, "num_hidden_layers": layers, "vocab_size": 32, "rope_parameters": rope}
    )
    return Qwen2_5OmniThinkerTextModel(cast(Any, config.text_config))


def sparse(layers: int) -> torch.nn.Module:
    text = {"hidden_size": 256, "moe_intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2}
    experts = {"num_experts": 8, "num_experts_per_tok": 2}
    config = Qwen3OmniMoeThinkerConfig(text_config={**text, **experts, "num_hidden_layers": layers, "vocab_size": 32})
    return Qwen3OmniMoeThinkerTextModel(cast(Any, config.text_config))


def kept(model: torch.nn.Module, float32_stream: bool) -> int:
    """Bytes that one pass keeps for the way back, without weights and their copies."""
    model = model if float32_stream else model.bfloat16()
    dtype = torch.float32 if float32_stream else torch.bfloat16
    sizes: dict[int, int] = {}
    alive: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        alive.append(tensor)  # else its storage's address is used again
        if TOKENS in tensor.shape or 2 * TOKENS in tensor.shape:
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    given = torch.randn(1, TOKENS, 256, dtype=dtype, requires_grad=True)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=float32_stream),
    ):
        model(inputs_embeds=given, use_cache=False)
    return sum(sizes.values())


@pytest.mark.parametrize("float32_stream", [True, False])
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (dense, Widths(layers=1, hidden=256, query=256, key=128, feed_forward=1024)),
        (sparse, Widths(layers=1, hidden=256, query=256, key=128, feed_forward=96, experts=2)),
    ],
)
def test_what_a_layer_keeps_is_what_the_formula_says(make: Any, shape: Widths, float32_stream: bool) -> None:
    one_layer = kept(make(2), float32_stream) - kept(make(1), float32_stream)
    assert layer_bytes(shape, float32_stream) * TOKENS == pytest.approx(one_layer, rel=0.02)


def test_shapes_are_those_of_the_published_models() -> None:
    """8.93 and 31.72 thousand million weights; the second is the number on the model's page."""
    assert weights("Qwen2.5-Omni-7B").all == 8_931_813_888
    assert weights("Qwen3-Omni-30B-A3B").all == 31_719_205_488


@pytest.mark.parametrize("name", MODELS)
def test_sharing_out_divides_what_is_shared(name: str) -> None:
    counted, shape = weights(name), widths(name)
    alone, shared = (fixed(counted, shape, Placement("", zero=3, shared=count)) for count in (1, 8))
    assert [8 * part for part in shared] == pytest.approx(list(alone))
    assert sum(alone) == 2 * counted.all + 14 * counted.language


def test_adapters_are_counted_as_peft_makes_them() -> None:
    shape = Widths(layers=1, hidden=256, query=256, key=128, feed_forward=1024)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(dense(1), LoraConfig(r=16, target_modules=targets))  # type: ignore[arg-type]
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert adapter_weights(shape, 16) == trained


def test_the_page_names_tests_that_are_there() -> None:
    """Files, and each sentence after a file's name as the name of a test of it."""
    folder = PAGE.parent.parent / "tests"
    named = re.findall(r"`(test_\w+\.py)`: ([^|`]+)", PAGE.read_text(encoding="utf-8"))
    wanted = [(file, sentence.strip(" ,")) for file, rest in named for sentence in rest.split(";") if sentence.strip()]
    found = {file: "".join(path.read_text(encoding="utf-8") for path in folder.rglob(file)) for file, _ in wanted}
    words = str.maketrans(" -", "__")
    assert wanted
    assert [each for each in wanted if f"def test_{each[1].lower().translate(words)}" not in found[each[0]]] == []


def test_the_page_has_the_tables_as_the_command_prints_them() -> None:
    """Else: python -m benchmarks.memory_estimate, and put its tables there."""
    page = PAGE.read_text(encoding="utf-8")
    assert [table.splitlines()[0] for table in tables() if table not in page] == []
