"""A random, tiny thinker with its own tokenizer: the whole pipeline on a laptop, offline.

It is the official architecture of its family at a small size, saved as the official classes read it. The tokenizer
is byte-level BPE with the family's special tokens, learnt from the texts it will see, so that their words are one
token each; the tags of a completion are single tokens too.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any, cast

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedModel, PreTrainedTokenizerFast, WhisperFeatureExtractor

from schemas.completion import TAGS, FormatName
from training.checkpoint import PictureProcessor, assemble, save
from training.families import OmniProcessor, Tokens, family_named, family_of
from training.prompts import texts
from training.start import read_examples, start
from training.tiny_params import TinyJob, TinyParams
from training.tiny_thinkers import PIXELS, thinker_config
from training.video_processor import PatchVideoProcessor

# Words with their leading space, single digits, runs of punctuation: the way Qwen2 splits text before merging bytes.
WORDS = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = Template("""\
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}
{%- if part.type == 'video' %}$vision_bos$video$vision_eos
{%- elif part.type == 'image' %}$vision_bos$image$vision_eos
{%- elif part.type == 'audio' %}$audio_bos$audio$audio_eos
{%- else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}""")


def make_tiny(folder: Path, written: Iterable[str], params: TinyParams) -> None:
    """Write a random model and its processor to `folder`. The same texts and params give the same bytes."""
    family = family_named(params.family)
    pixels = PIXELS[params.family]
    processor = assemble(
        family,
        make_tokenizer(written, params.vocabulary, family.tokens),
        WhisperFeatureExtractor(feature_size=128, chunk_length=params.sound_seconds),
        PictureProcessor(**pixels),
        PatchVideoProcessor(**pixels),
        CHAT_TEMPLATE.substitute(family.tokens._asdict()),
    )
    save(_model(processor, params), processor, folder)


def make_tokenizer(written: Iterable[str], vocabulary: int, tokens: Tokens) -> PreTrainedTokenizerFast:
    """Byte-level BPE over the given texts, with a family's tokens; at most `vocabulary` tokens before the tags."""
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
        vocab_size=vocabulary, initial_alphabet=alphabet, special_tokens=_specials(tokens), show_progress=False
    )
    bpe.train_from_iterator(map(_without_tags, written), trainer)
    bpe.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={f"{role}_token": token for role, token in tokens._asdict().items()},
    )


def _specials(tokens: Tokens) -> list[str]:
    vision = (tokens.vision_bos, tokens.vision_eos, "<|vision_pad|>", tokens.image, tokens.video)
    return ["<|endoftext|>", "<|im_start|>", "<|im_end|>", tokens.audio, tokens.audio_bos, tokens.audio_eos, *vision]


def _without_tags(text: str) -> str:
    """Text with a gap for each tag: merges across a tag would never be used."""
    for tag in TAGS:
        text = text.replace(tag, "\n")
    return text


def _model(processor: OmniProcessor, params: TinyParams) -> PreTrainedModel:
    torch.manual_seed(params.seed)
    model = cast(Any, family_of(processor).model)(thinker_config(processor, params))
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return model


def main(job: TinyJob) -> None:
    start(job.parent, threads=1)
    examples = [example for folder in job.examples for example in read_examples(Path(folder))]
    formats: tuple[FormatName, ...] = ("context_first", "direct")
    written = [text for example in examples for format in formats for text in texts(example, format)]
    make_tiny(Path(job.out), written, job.params)


if __name__ == "__main__":
    main(TinyJob.model_validate_json(Path(sys.argv[1]).read_text()))
