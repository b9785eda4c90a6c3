"""Token spans with real byte-level BPE: merges across tags, atomic tags, and characters of many bytes."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from schemas.completion import TAGS, Completion, Span, parse, render
from schemas.values import UserError
from training.spans import block_tokens, overlapping, token_bytes, token_text

TEXTS = [
    render("Two men.", "They talk.", "B"),
    render("出口 → 左侧。", "声音很高。", "A"),
    render("A naïve café 🎈.", "So: ✅", "C,D"),
]


@pytest.fixture(scope="module")
def merged() -> PreTrainedTokenizerFast:
    """Learnt with no split at tags or punctuation, so that `.</` and `><` become single tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=290, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|im_end|>"]
    )
    tokenizer.train_from_iterator([*TEXTS, ".</a .</a .</a ><b ><b ><b"] * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")


@pytest.fixture(scope="module")
def atomic() -> PreTrainedTokenizerFast:
    """Each tag is one added token that is not special."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|im_end|>"]
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_tokens(list(TAGS))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


def _joined(tokenizer: PreTrainedTokenizerFast, ids: list[int], tokens: range) -> str:
    return b"".join(token_bytes(tokenizer, ids)[tokens.start : tokens.stop]).decode(errors="replace")


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_the_one_that_was_tokenised(
    text: str, merged: PreTrainedTokenizerFast, atomic: PreTrainedTokenizerFast
) -> None:
    for tokenizer in (merged, atomic):
        ids = [*_ids(tokenizer, text), tokenizer.eos_token_id]
        assert token_text(tokenizer, ids).text == text == tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("text", TEXTS)
def test_atomic_tags_give_blocks_that_fit_to_the_byte(text: str, atomic: PreTrainedTokenizerFast) -> None:
    ids = _ids(atomic, text)
    blocks = block_tokens(token_text(atomic, ids), parse(text))
    for block in parse(text).blocks:
        assert _joined(atomic, ids, blocks[block.name]) == text[block.whole.start : block.whole.end]
    assert sum(map(len, blocks.values())) == len(ids)


def test_token_across_two_blocks_belongs_to_the_earlier_one(merged: PreTrainedTokenizerFast) -> None:
    text = TEXTS[0]
    ids = _ids(merged, text)
    pieces = [piece.decode() for piece in token_bytes(merged, ids)]
    straddling = [place for place, piece in enumerate(pieces) if "><" in piece]
    assert straddling, f"the tokenizer was meant to merge across tags: {pieces}"
    blocks = block_tokens(token_text(merged, ids), parse(text))
    assert _joined(merged, ids, blocks["context"]).startswith("<context>Two men.</context>")
    assert [place for block in blocks.values() for place in block] == list(range(len(ids)))
    assert [blocks["context"].stop - 1, blocks["think"].stop - 1] == straddling


def test_span_inside_a_character_of_many_bytes_covers_all_its_tokens(merged: PreTrainedTokenizerFast) -> None:
    text = "ab🎈cd"
    ids = [token for byte in ("a", "b", "🎈", "c", "d") for token in _ids(merged, byte)]
    tokens = overlapping(token_text(merged, ids), Span(start=2, end=3))
    assert _joined(merged, ids, tokens) == "🎈"
    assert token_text(merged, ids).text == text


def test_bytes_that_are_no_text_keep_every_later_span_in_place(merged: PreTrainedTokenizerFast) -> None:
    # The first and last byte of a balloon, each alone: what a policy that has not learnt UTF-8 samples.
    head, *_, tail = _single_bytes(merged, "🎈")
    ids = [head, tail, tail, *_ids(merged, "<answer>B</answer>")]
    text = token_text(merged, ids)
    assert text.text == "\ufffd\ufffd\ufffd<answer>B</answer>"
    completion: Completion = parse(text.text)
    assert _joined(merged, ids, block_tokens(text, completion)["answer"]) == "<answer>B</answer>"


def _single_bytes(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    names = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)[0][0]
    return tokenizer.convert_tokens_to_ids(list(names))


def test_empty_span_has_no_tokens(merged: PreTrainedTokenizerFast) -> None:
    assert len(overlapping(token_text(merged, _ids(merged, "abc")), Span(start=1, end=1))) == 0


def test_end_of_turn_belongs_to_no_block(atomic: PreTrainedTokenizerFast) -> None:
    ids = [*_ids(atomic, TEXTS[0]), atomic.eos_token_id]
    blocks = block_tokens(token_text(atomic, ids), parse(TEXTS[0]))
    assert blocks["answer"].stop == len(ids) - 1


def test_tokenizer_of_another_kind_is_refused() -> None:
    words = Tokenizer(models.WordLevel({"一": 0, "b": 1}, unk_token="b"))
    with pytest.raises(UserError, match="byte-level"):
        token_text(PreTrainedTokenizerFast(tokenizer_object=words), [0])
