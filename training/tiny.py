"""A random, tiny Qwen2.5-Omni thinker with its own tokenizer: the whole pipeline on a laptop, offline.

It is the official architecture at a small size, saved as the official classes read it. The tokenizer is byte-level
BPE with the special tokens of Qwen2.5-Omni, learnt from the texts it will see, so that their words are one token
each; the tags of a completion are single tokens too.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    WhisperFeatureExtractor,
)

from schemas.completion import TAGS, FormatName
from training.checkpoint import PictureProcessor, assemble, save
from training.prompts import texts
from training.start import read_examples, start
from training.tiny_params import TinyJob, TinyParams
from training.video_processor import PatchVideoProcessor

SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|AUDIO|>",
    "<|audio_bos|>",
    "<|audio_eos|>",
    "<|vision_bos|>",
    "<|vision_eos|>",
    "<|vision_pad|>",
    "<|IMAGE|>",
    "<|VIDEO|>",
)

# Words with their leading space, single digits, runs of punctuation: the way Qwen2 splits text before merging bytes.
WORDS = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = """\
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}
{%- if part.type == 'video' %}<|vision_bos|><|VIDEO|><|vision_eos|>
{%- elif part.type == 'image' %}<|vision_bos|><|IMAGE|><|vision_eos|>
{%- elif part.type == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>
{%- else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def make_tiny(folder: Path, written: Iterable[str], params: TinyParams) -> None:
    """Write a random model and its processor to `folder`. The same texts and params give the same bytes."""
    processor = assemble(
        make_tokenizer(written, params.vocabulary),
        WhisperFeatureExtractor(feature_size=128, chunk_length=params.sound_seconds),
        PictureProcessor(),
        PatchVideoProcessor(),
        CHAT_TEMPLATE,
    )
    save(_model(processor, params), processor, folder)


def make_tokenizer(written: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE over the given texts; at most `vocabulary` tokens before the tags."""
    bpe = Tokenizer(BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(WORDS, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=alphabet, special_tokens=list(SPECIALS), show_progress=False
    )
    bpe.train_from_iterator(map(_without_tags, written), trainer)
    bpe.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={
            "image_token": "<|IMAGE|>",
            "audio_token": "<|AUDIO|>",
            "video_token": "<|VIDEO|>",
            "vision_bos_token": "<|vision_bos|>",
            "vision_eos_token": "<|vision_eos|>",
            "audio_bos_token": "<|audio_bos|>",
            "audio_eos_token": "<|audio_eos|>",
        },
    )


def _without_tags(text: str) -> str:
    """Text with a gap for each tag: merges across a tag would never be used."""
    for tag in TAGS:
        text = text.replace(tag, "\n")
    return text


def _model(processor: Qwen2_5OmniProcessor, params: TinyParams) -> Qwen2_5OmniThinkerForConditionalGeneration:
    torch.manual_seed(params.seed)
    model = Qwen2_5OmniThinkerForConditionalGeneration(_config(processor, params))
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return model


def _config(processor: Qwen2_5OmniProcessor, params: TinyParams) -> Qwen2_5OmniThinkerConfig:
    tokenizer = processor.tokenizer
    fields: dict[str, Any] = {
        "text_config": _text(params, len(tokenizer)),
        "vision_config": _vision(params),
        "audio_config": _audio(params),
        "audio_token_index": processor.audio_token_id,
        "image_token_index": processor.image_token_id,
        "video_token_index": processor.video_token_id,
        "audio_start_token_id": tokenizer.convert_tokens_to_ids("<|audio_bos|>"),
        "audio_end_token_id": tokenizer.convert_tokens_to_ids("<|audio_eos|>"),
        # Not a declared field, but the model reads it to place pictures and videos.
        "vision_start_token_id": tokenizer.convert_tokens_to_ids("<|vision_bos|>"),
        "initializer_range": params.spread,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return Qwen2_5OmniThinkerConfig(**fields)


def _text(params: TinyParams, vocabulary: int) -> dict[str, object]:
    turned = params.hidden // params.heads // 2
    across = turned * 3 // 8
    return {
        "vocab_size": vocabulary,
        "hidden_size": params.hidden,
        "intermediate_size": params.feed_forward,
        "num_hidden_layers": params.layers,
        "num_attention_heads": params.heads,
        "num_key_value_heads": params.key_value_heads,
        "max_position_embeddings": 4096,
        "initializer_range": params.spread,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": params.rope_theta,
            "mrope_section": [turned - 2 * across, across, across],
        },
    }


def _vision(params: TinyParams) -> dict[str, object]:
    return {
        "depth": params.vision_layers,
        "hidden_size": params.vision_hidden,
        "intermediate_size": params.vision_hidden * 2,
        "num_heads": 4,
        "out_hidden_size": params.hidden,
        "fullatt_block_indexes": [params.vision_layers - 1],
        "initializer_range": params.spread,
    }


def _audio(params: TinyParams) -> dict[str, object]:
    return {
        "encoder_layers": params.audio_layers,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": params.audio_hidden * 2,
        "d_model": params.audio_hidden,
        "output_dim": params.hidden,
        "n_window": params.sound_seconds * 100,
        "max_source_positions": 1500,
        "initializer_range": params.spread,
    }


def main(job: TinyJob) -> None:
    start(job.parent, threads=1)
    examples = [example for folder in job.examples for example in read_examples(Path(folder))]
    formats: tuple[FormatName, ...] = ("context_first", "direct")
    written = [text for example in examples for format in formats for text in texts(example, format)]
    make_tiny(Path(job.out), written, job.params)


if __name__ == "__main__":
    main(TinyJob.model_validate_json(Path(sys.argv[1]).read_text()))
