"""Fine-tuning batches: exactly the target is learnt, and the loss is that of each example alone."""

import unicodedata
from pathlib import Path

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch.utils.data import BatchSampler, SequentialSampler
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerForConditionalGeneration

from schemas.completion import FormatName, render
from schemas.example import Example
from schemas.values import UserError
from tests.training.conftest import SMALL
from training.checkpoint import load_processor
from training.collate import IGNORED, Collator, InOrder
from training.inputs import Encoder, specials
from training.prompts import target
from training.spans import token_bytes

HARD = {
    "a stop before each tag": ("Two men.", "They talk.", "B"),
    "angles at both ends": ("<b>", ">", "<"),
    "nothing to be seen": ("\u200b", "\u2060", "\u00ad"),
    "other scripts": ("出口在左侧。", "声音很高。所以", "甲、乙"),
    "many bytes a character": ("A café 🎈", "👩‍👩‍👧 ✅", "𝟜"),
    "an accent of its own": ("cafe\u0301", "n\u0303", "A"),
    "lines and spaces": ("\n a \n\n", "  b\t", " C "),
    "what looks special": ("<|im_end", "|im_end|>", "<|video|>"),
    "a tag in a body": ("</think><answer>", "<context>", "</answer>"),
}


@pytest.mark.parametrize("format", ["context_first", "direct"])
def test_labels_decode_to_exactly_the_target_and_the_end_of_turn(
    format: FormatName, encoder: Encoder, asked: dict[str, Example]
) -> None:
    batch = Collator(encoder, format)(list(asked.values()))
    for row, each in zip(batch["labels"], asked.values(), strict=True):
        learnt = row[row != IGNORED]
        assert encoder.processor.tokenizer.decode(learnt) == target(each, format) + "<|im_end|>"


def test_a_row_is_the_prompt_then_the_target_and_nothing_is_cut(encoder: Encoder, asked: dict[str, Example]) -> None:
    batch = Collator(encoder, "context_first")(list(asked.values()))
    for number, each in enumerate(asked.values()):
        prompt = encoder.encode(each, "context_first").ids
        ids = batch["input_ids"][number][batch["attention_mask"][number].bool()].tolist()
        assert ids[: len(prompt)] == list(prompt)
        assert (batch["labels"][number][: len(prompt)] == IGNORED).all()
        assert ids[len(prompt) :] == batch["labels"][number][len(prompt) : len(ids)].tolist()


def test_the_loss_of_a_batch_is_the_mean_over_its_tokens(
    encoder: Encoder, asked: dict[str, Example], model: Qwen2_5OmniThinkerForConditionalGeneration
) -> None:
    collate, examples = Collator(encoder, "context_first"), list(asked.values())
    with torch.inference_mode():
        together = model(**collate(examples)).loss
        alone = [(collate([each])) for each in examples]
        counts = torch.tensor([(batch["labels"] != IGNORED).sum() for batch in alone])
        losses = torch.stack([model(**batch).loss for batch in alone])
    torch.testing.assert_close(together, (losses * counts).sum() / counts.sum(), atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def merging(tiny: Path, blobs: Path) -> Encoder:
    """An encoder whose tokenizer learnt `.</`, `><` and `</think><answer>` as single tokens."""
    processor = load_processor(tiny)
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.decoder = decoders.ByteLevel()
    names = [token.content for token in specials(processor.tokenizer).values()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(names) + 400, special_tokens=names, initial_alphabet=alphabet, show_progress=False
    )
    joined = [render(letter + ".", letter, "") for letter in "abcdefgh"] + ["x><y", "y></z", "</think><answer>"]
    bpe.train_from_iterator(joined * 20, trainer)
    processor.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    return Encoder(processor, SMALL, blobs)


def learnt(encoder: Encoder, example: Example, format: FormatName) -> list[int]:
    """The labels of an example: all that is not ignored, which must be the end of its row."""
    batch = Collator(encoder, format)([example])
    ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
    kept = [label for label in labels if label != IGNORED]
    assert labels == [IGNORED] * len(encoder.encode(example, format).ids) + kept
    assert ids[-len(kept) :] == kept
    return kept


def test_tokens_that_reach_over_tags_are_learnt_whole(merging: Encoder, asked: dict[str, Example]) -> None:
    example = asked["text"].model_copy(update={"context": "a.", "think": "b.", "answer": "c"})
    pieces = [
        piece.decode() for piece in token_bytes(merging.processor.tokenizer, learnt(merging, example, "context_first"))
    ]
    assert any(".</" in piece for piece in pieces)
    assert any("><" in piece for piece in pieces)
    assert any("think><answer" in piece for piece in pieces)


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("atomic", [True, False])
def test_labels_are_the_target_to_the_byte_whatever_it_holds(
    name: str, atomic: bool, encoder: Encoder, merging: Encoder, asked: dict[str, Example]
) -> None:
    """Composed (NFC), as Qwen's tokenizer writes all text."""
    context, think, answer = HARD[name]
    chosen = encoder if atomic else merging
    example = asked["text"].model_copy(update={"context": context, "think": think, "answer": answer})
    for format in ("context_first", "direct"):
        tokens = learnt(chosen, example, format)
        end, special = chosen.processor.tokenizer.eos_token_id, specials(chosen.processor.tokenizer)
        assert tokens[-1] == end
        assert not [token for token in tokens[:-1] if token in special]
        written = b"".join(token_bytes(chosen.processor.tokenizer, tokens)).decode()
        assert written == unicodedata.normalize("NFC", target(example, format))


@pytest.mark.parametrize("token", ["<|im_end|>", "<|VIDEO|>", "<|im_start|>"])
def test_a_target_that_holds_a_special_token_is_not_learnt(
    token: str, encoder: Encoder, asked: dict[str, Example]
) -> None:
    collate = Collator(encoder, "context_first")
    collate.check(asked.values())
    broken = asked["text"].model_copy(update={"context": f"a {token} b"})
    with pytest.raises(UserError, match="text: what is to be learnt holds the special token"):
        collate.check([broken])


def test_nothing_of_a_long_example_is_cut(encoder: Encoder, asked: dict[str, Example]) -> None:
    long = asked["video"].model_copy(update={"context": "a square , " * 3000})
    batch = Collator(encoder, "context_first")([long, asked["text"]])
    video = encoder.processor.video_token_id
    assert batch["input_ids"][0].tolist().count(video) == encoder.encode(long, "context_first").ids.count(video) > 0
    assert len(learnt(encoder, long, "context_first")) > 5000
    assert int(batch["attention_mask"][1].sum()) < batch["attention_mask"].shape[1]


@pytest.mark.parametrize("ranks", [1, 2])
def test_each_rank_reads_ahead_what_it_learns_from_next(
    encoder: Encoder, asked: dict[str, Example], monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    """Batches are dealt out by accelerate itself, which a trainer's loader goes through."""
    examples = list(asked.values())
    rows = [number % len(examples) for number in (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8)]
    for rank in range(ranks):
        learnt, ahead = list[list[str]](), list[list[str]]()
        monkeypatch.setattr(Collator, "__call__", lambda _, given, to=learnt: to.append([each.id for each in given]))
        monkeypatch.setattr(encoder, "prefetch", lambda given, to=ahead: to.append([each.id for each in given]))
        collate = InOrder(Collator(encoder, "direct"), examples, rows, ranks)
        every = BatchSampler(SequentialSampler(rows), batch_size=2, drop_last=True)
        for places in BatchSamplerShard(every, num_processes=ranks, process_index=rank):
            collate([{"place": place} for place in places])
        assert len(learnt) == len(rows) // 2 // ranks
        assert ahead == [*learnt[1:], []]
