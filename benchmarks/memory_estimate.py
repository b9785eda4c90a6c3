"""How much memory training the real models takes, computed from their shapes: the tables of docs/training.md.

Weights are counted by building the official classes without storage. What a decoder layer keeps for the way back is a
formula in its widths, which tests/training/test_memory_estimate.py holds to what torch keeps of a small layer. Left
out: what the allocator wastes, buffers of NCCL and DeepSpeed, the passes of frozen towers, and CUDA itself.

    python -m benchmarks.memory_estimate
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import (
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen3OmniMoeThinkerConfig,
    Qwen3OmniMoeThinkerForConditionalGeneration,
)

from training.families import family_named
from training.logps import CHUNK

GIB = 1 << 30

# As in the published config.json of each model; the classes' own defaults differ in places.
AUDIO = {"d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120}
QWEN2_5_7B = Qwen2_5OmniThinkerConfig(
    text_config={
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18944,
        "vocab_size": 152064,
    },
    vision_config={
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 3584,
    },
    audio_config={**AUDIO, "output_dim": 3584},
)
QWEN3_30B = Qwen3OmniMoeThinkerConfig(
    text_config={
        "hidden_size": 2048,
        "num_hidden_layers": 48,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "moe_intermediate_size": 768,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "vocab_size": 152064,
    },
    vision_config={
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "deepstack_visual_indexes": [8, 16, 24],
    },
    audio_config={**AUDIO, "output_dim": 2048, "downsample_hidden_size": 480},
)
MODELS = {
    "Qwen2.5-Omni-7B": (Qwen2_5OmniThinkerForConditionalGeneration, QWEN2_5_7B),
    "Qwen3-Omni-30B-A3B": (Qwen3OmniMoeThinkerForConditionalGeneration, QWEN3_30B),
}


class Weights(NamedTuple):
    """Numbers of weights. language: decoder, embeddings and head: what is trained while both towers are frozen."""

    vision: int
    audio: int
    language: int

    @property
    def all(self) -> int:
        return sum(self)


class Widths(NamedTuple):
    """What a decoder layer's memory depends on. experts: whose outputs are summed for one token; 0 for a dense layer.
    feed_forward: of the dense layer, or of one expert.
    """

    layers: int
    hidden: int
    query: int
    key: int
    feed_forward: int
    experts: int = 0


class Placement(NamedTuple):
    """One way to spread training. shared: over how many GPUs ZeRO shares out; zero: its stage, 0 for none."""

    title: str
    zero: int = 0
    shared: int = 1
    rank: int = 0


PLACEMENTS = (
    Placement("any number of GPUs, no ZeRO"),
    Placement("any number of GPUs, LoRA of rank 16", rank=16),
    Placement("8 GPUs, `zero: 2`", zero=2, shared=8),
    Placement("8 GPUs, `zero: 3`", zero=3, shared=8),
    Placement("16 GPUs, `zero: 3`", zero=3, shared=16),
)


def weights(name: str) -> Weights:
    """Of the thinker, counted without storage."""
    model_class, config = MODELS[name]
    with torch.device("meta"):
        model: Any = model_class(config)
    towers = family_named(config.model_type).towers
    vision, audio = (_count(model.get_submodule(towers[tower])) for tower in ("vision", "audio"))
    return Weights(vision, audio, _count(model) - vision - audio)


def widths(name: str) -> Widths:
    text = MODELS[name][1].text_config
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    experts = getattr(text, "num_experts_per_tok", 0)
    return Widths(
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        query=text.num_attention_heads * head,
        key=text.num_key_value_heads * head,
        feed_forward=text.moe_intermediate_size if experts else text.intermediate_size,
        experts=experts,
    )


def adapter_weights(shape: Widths, rank: int) -> int:
    """Of LoRA on attention and, in a dense layer, feed-forward. Experts are no linear layers and get none."""
    attention = 2 * (shape.hidden + shape.query) + 2 * (shape.hidden + shape.key)
    dense = 0 if shape.experts else 3 * (shape.hidden + shape.feed_forward)
    return shape.layers * rank * (attention + dense)


def fixed(counted: Weights, shape: Widths, place: Placement) -> tuple[float, float, float]:
    """Bytes on one GPU of weights, gradients and Adam's state, with dtype bfloat16 and both towers frozen.

    Without ZeRO, weights stay float32 and autocast keeps bfloat16 copies of those that are trained. With ZeRO they are
    bfloat16 and Adam keeps float32 ones.
    """
    if place.rank:
        adapters = adapter_weights(shape, place.rank)
        return 4 * counted.all + 6 * adapters, 4 * adapters, 8 * adapters
    trained = counted.language
    if not place.zero:
        return 4 * counted.all + 2 * trained, 4 * trained, 8 * trained
    held = 2 * counted.all / (place.shared if place.zero == 3 else 1)
    return held, 2 * trained / place.shared, 12 * trained / place.shared


def layer_bytes(shape: Widths, float32_stream: bool) -> int:
    """What one decoder layer keeps of one token for the way back.

    float32_stream: autocast over float32 weights, whose sums and norms stay float32 and whose norms' outputs are
    copied for each projection that reads them; otherwise all is bfloat16 but the norms' insides.
    """
    attention = 4 * shape.query + 4 * shape.key
    if not shape.experts:
        return (26 if float32_stream else 16) * shape.hidden + attention + 8 * shape.feed_forward
    norms = 6 * (shape.query + shape.key)
    one_expert = (8 if float32_stream else 4) * shape.hidden + (16 if float32_stream else 8) * shape.feed_forward
    return (24 if float32_stream else 16) * shape.hidden + attention + norms + shape.experts * one_expert


def activations(shape: Widths, tokens: int, float32_stream: bool, checkpointing: bool) -> float:
    """Bytes kept for the way back from `tokens`. With checkpointing: each layer's input, and one layer in full."""
    in_full = layer_bytes(shape, float32_stream) * tokens
    if not checkpointing:
        return shape.layers * in_full
    return shape.layers * (4 if float32_stream else 2) * shape.hidden * tokens + in_full


def cache_bytes(shape: Widths) -> int:
    """Keys and values of one token in all layers, bfloat16."""
    return 2 * 2 * shape.key * shape.layers


def head_bytes(vocabulary: int) -> int:
    """Logits of one chunk of tokens and their gradient, float32."""
    return 2 * 4 * CHUNK * vocabulary


class Clip(NamedTuple):
    """A prompt's media: frame pairs, tokens of each, seconds of sound. 25 sound tokens a second (Qwen2.5-Omni)."""

    title: str
    pairs: int
    tokens: int
    seconds: float

    def length(self, text: int = 300) -> int:
        return self.pairs * self.tokens + round(25 * self.seconds) + text


# A frame of W x H pixels takes (W / 28) x (H / 28) tokens, within 128 and 768; 32 frames are 16 pairs.
CLIPS = (
    Clip("10 s at 640 x 360: 20 frames", 10, 23 * 13, 10),
    Clip("30 s at 640 x 360: 32 frames", 16, 23 * 13, 30),
    Clip("60 s at 1280 x 720: 32 frames, 768 tokens a pair at most", 16, 768, 60),
)
WRITTEN = 1024


def tables() -> list[str]:
    """All tables, as Markdown."""
    return ["\n".join(table) for table in (_weights_table(), _fixed_table(), _passes_table(), _whole_table())]


def _weights_table() -> list[str]:
    rows = []
    for name in MODELS:
        counted, shape = weights(name), widths(name)
        parts = [f"{number / 1e9:.3f}" for number in (*counted, counted.all)]
        rows.append([name, *parts, f"{adapter_weights(shape, 16) / 1e6:.1f}", f"{cache_bytes(shape) / 1024:.0f}"])
    head = ["thinker", "vision, 10⁹", "audio", "language", "all", "LoRA of rank 16, 10⁶", "KV cache, KiB a token"]
    return _markdown(head, rows)


def _fixed_table() -> list[str]:
    rows = []
    for name in MODELS:
        counted, shape = weights(name), widths(name)
        for place in PLACEMENTS:
            parts = fixed(counted, shape, place)
            rows.append([name, place.title, *_gib(*parts, sum(parts)), *_gib(reference(counted, place))])
    head = ["GiB on one GPU", "placement", "weights", "gradients", "Adam", "sum", "GRPO's reference"]
    return _markdown(head, rows)


def reference(counted: Weights, place: Placement) -> float:
    """The frozen copy that KL is measured against; with LoRA it is the model without its adapters."""
    if place.rank:
        return 0.0
    if not place.zero:
        return 4 * counted.all
    return 2 * counted.all / (place.shared if place.zero == 3 else 1)


def _passes_table() -> list[str]:
    shape = widths("Qwen2.5-Omni-7B")
    rows = []
    for clip in CLIPS:
        tokens = clip.length() + WRITTEN
        kept = [activations(shape, tokens, stream, saves) for stream in (True, False) for saves in (False, True)]
        rows.append([clip.title, f"{clip.length():,}", *_gib(*kept, 8 * cache_bytes(shape) * tokens)])
    kinds = ["no ZeRO: all kept", "no ZeRO: checkpointing", "ZeRO: all kept", "ZeRO: checkpointing"]
    return _markdown(["one clip", "tokens of the prompt", *kinds, "KV cache of 8 completions"], rows)


def _whole_table() -> list[str]:
    name = "Qwen2.5-Omni-7B"
    counted, shape, head = weights(name), widths(name), head_bytes(MODELS[name][1].get_text_config().vocab_size)
    tokens = CLIPS[1].length() + WRITTEN
    rows = []
    for place in PLACEMENTS:
        passing = activations(shape, tokens, place.zero == 0, checkpointing=True) + head
        fine_tuning = sum(fixed(counted, shape, place)) + passing
        rollouts = 8 * cache_bytes(shape) * tokens
        rows.append([place.title, *_gib(fine_tuning, fine_tuning + reference(counted, place) + rollouts)])
    return _markdown(["GiB on one GPU, Qwen2.5-Omni-7B", "SFT", "GRPO"], rows)


def _gib(*numbers: float) -> list[str]:
    return [f"{number / GIB:.1f}" for number in numbers]


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def main() -> None:
    print("\n\n".join(tables()))


if __name__ == "__main__":
    main()
