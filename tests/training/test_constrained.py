"""Ordered tags: whatever the model prefers, the format is kept, and every forced token is known as forced."""

import copy
from collections.abc import Sequence

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniProcessor, Qwen2_5OmniThinkerForConditionalGeneration

from schemas.completion import TAGS, parse, render
from schemas.example import Example
from schemas.training import Decoding, OrderedTags
from schemas.values import UserError
from training.constrained import OrderedTagsProcessor, Place, TagOrder
from training.engines.local import TransformersEngine, suppressed
from training.inputs import Encoder
from training.spans import token_bytes, token_text

Model = Qwen2_5OmniThinkerForConditionalGeneration
SHORT = OrderedTags(context=6, think=6, answer=2)


@pytest.fixture(scope="module")
def merged() -> PreTrainedTokenizerFast:
    """Tags in several tokens, some of them learnt across a tag: `.</`, `><`, `></`; and a dangerous `<think`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|im_end|>", "<|pad|>"]
    )
    texts = [
        render("Two men.", "They talk.", "B"),
        ".</a .</a ><b ><b ></a <think>x",
        "</answer></answer> >\n >\n",
        "< Context >< think/></ANSWER>",
    ]
    tokenizer.train_from_iterator(texts * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|pad|>")


@pytest.fixture(scope="module")
def atomic(processor: Qwen2_5OmniProcessor) -> PreTrainedTokenizerFast:
    return processor.tokenizer


def drawn(
    tokenizer: PreTrainedTokenizerFast, budgets: OrderedTags, seed: int, liking: Sequence[int] = ()
) -> tuple[list[int], tuple[bool, ...], list[int]]:
    """One completion from random scores, in which `liking` is liked: its tokens, the flags, how many were allowed."""
    order = TagOrder(tokenizer, suppressed(tokenizer, len(tokenizer)), budgets, 200)
    hold = OrderedTagsProcessor(order)
    generator = torch.Generator().manual_seed(seed)
    ids, allowed = [0], []
    while len(ids) == 1 or ids[-1] != tokenizer.eos_token_id:
        scores = torch.randn(1, len(tokenizer), generator=generator)
        scores[:, list(liking)] += 3
        held = hold(torch.tensor([ids]), scores)
        allowed.append(int(held.isfinite().sum()))
        ids.append(int(torch.multinomial(held.softmax(-1), 1, generator=generator)))
    return ids[1:], hold.forced(0, len(ids) - 1), allowed


def tag_pieces(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Tokens in which a tag could be written or spoilt."""
    pieces = token_bytes(tokenizer, range(len(tokenizer)))
    return [id for id, piece in enumerate(pieces) if set(piece) & set(b"</>") or piece in (b"context", b"think")]


@pytest.mark.parametrize("kind", ["merged", "atomic"])
@pytest.mark.parametrize("budgets", [SHORT, OrderedTags(context=1, think=1, answer=1)])
def test_every_completion_keeps_the_format_and_every_forced_token_is_marked(
    kind: str, budgets: OrderedTags, request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(kind)
    for seed in range(60):
        liking = tag_pieces(tokenizer) if seed % 2 else ()
        ids, forced, allowed = drawn(tokenizer, budgets, seed, liking)
        completion = parse(token_text(tokenizer, ids).text)
        assert completion.errors == (), (seed, completion.text)
        assert forced == tuple(count == 1 for count in allowed)
        assert forced[-1] and not all(forced)


def test_no_block_is_longer_than_its_budget(merged: PreTrainedTokenizerFast) -> None:
    order = TagOrder(merged, [], SHORT, 200)
    for seed in range(30):
        ids, forced, _ = drawn(merged, SHORT, seed)
        place, spent = Place(), [0, 0, 0, 0]
        for token, by_force in zip(ids, forced, strict=True):
            spent[place.block] += not by_force
            place = order.after(place, token)
        assert spent[0] <= 6 and spent[1] <= 6 and spent[2] <= 2 and spent[3] == 0


def test_a_model_that_writes_its_own_tags_is_left_to_it(merged: PreTrainedTokenizerFast) -> None:
    """Merged tokens are its own choice; forced is what the skeleton still owes."""
    order = TagOrder(merged, [], OrderedTags(), 200)
    pieces = token_bytes(merged, range(len(merged)))
    text = render("Two men.", "They talk.", "B").encode()
    place, written, chosen = Place(), b"", []
    while written != text:
        fitting = [id for id, piece in enumerate(pieces) if piece and text.startswith(written + piece)]
        forced, refused = order.forced(place), set() if place.pending else set(order.refusals(place))
        token = max(set(fitting) - refused, key=lambda id: len(pieces[id])) if forced is None else forced
        chosen += [pieces[token]] if forced is None else []
        assert token in fitting
        place, written = order.after(place, token), written + pieces[token]
    assert place == Place(3, b"") and order.forced(place) == merged.eos_token_id
    assert any(b"><" in piece for piece in chosen) and b"".join(chosen).endswith(b"B</answer>")


@pytest.mark.parametrize(
    ("body", "refused", "allowed"),
    [
        ("Two <thin", "k>", "k"),  # another block's tag
        ("Two <contex", "t>", "t"),  # its own opening again
        ("Two </thin", "k>", "k "),  # another block's end
        ("Two < /THIN", "K >", "K x"),  # what only looks like a tag
        (" ", "</context>", "<"),  # nothing has been said
        ("\u2800", "</context>", "<"),  # nothing that shows
        ("Two </contex", "t> ", "t>"),  # more after the end than the next tag
        ("Two </contex", "t></", "t><"),
    ],
)
def test_what_would_break_the_format_is_refused_and_no_more(body: str, refused: str, allowed: str) -> None:
    """With a tokenizer made of exactly these pieces."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([], trainers.BpeTrainer(initial_alphabet=alphabet, special_tokens=["<|im_end|>"]))
    tokenizer.add_tokens([piece for piece in (refused, allowed) if len(piece) > 1])
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")
    order = TagOrder(made, [], OrderedTags(), 400)
    refusals = order.refusals(Place(0, b"", body.encode(), 1))
    ids = [
        int(made.convert_tokens_to_ids(piece.replace(" ", "Ġ") if len(piece) == 1 else piece))
        for piece in (refused, allowed)
    ]
    assert ids[0] in refusals and ids[1] not in refusals


def test_text_that_only_looks_like_a_tag_is_free(merged: PreTrainedTokenizerFast) -> None:
    order = TagOrder(merged, [], OrderedTags(), 200)
    place = Place(0, b"")
    for id in merged.encode("a < b, </b> and <thinking> > <contexts>", add_special_tokens=False):
        assert order.forced(place) is None and id not in order.refusals(place)
        place = order.after(place, id)
    assert place.block == 0


def test_a_block_of_half_a_character_still_has_to_say_something(merged: PreTrainedTokenizerFast) -> None:
    order = TagOrder(merged, [], OrderedTags(context=3), 200)
    wide = "\u3000".encode()  # a space of three bytes, each of them a token of its own
    names = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str("\u3000")[0][0]
    place = Place(0, b"")
    for id in merged.convert_tokens_to_ids(list(names))[:2]:
        place = order.after(place, id)
    assert place.body == wide[:2] and order.last_chance(place)
    refusals = set(order.refusals(place))
    assert refusals >= set(merged.convert_tokens_to_ids(list(names)))
    assert merged.convert_tokens_to_ids("B") not in refusals


def test_budgets_that_do_not_fit_are_refused(merged: PreTrainedTokenizerFast) -> None:
    with pytest.raises(UserError, match="max_new_tokens is 20"):
        TagOrder(merged, [], SHORT, 20)


def test_generation_under_ordered_tags_keeps_the_format_with_rows_of_any_length(
    model: Model, encoder: Encoder, asked: dict[str, Example]
) -> None:
    tokenizer = encoder.processor.tokenizer
    decoding = Decoding(max_new_tokens=50, temperature=1.0, ordered_tags=OrderedTags(context=9, think=7, answer=2))
    inputs = [encoder.encode(asked[name], "context_first") for name in ("video", "text", "video", "picture")] * 2
    eager = copy.deepcopy(model)  # to end its blocks, some early and some late
    eager.lm_head.bias = torch.nn.Parameter(torch.zeros(len(tokenizer)))
    eager.lm_head.bias.data[tokenizer.convert_tokens_to_ids(list(TAGS))] = 4.0
    torch.manual_seed(3)
    completions = TransformersEngine(eager, tokenizer).complete(inputs, decoding)
    assert len({len(each.ids) for each in completions}) > 1
    for each in completions:
        assert parse(each.text).errors == () and not each.truncated
        assert len(each.forced) == len(each.ids) == len(each.chosen)
        tags = [tokenizer.convert_ids_to_tokens(id) in TAGS for id in each.ids]
        assert all(
            tag or id == tokenizer.eos_token_id for tag, id, by in zip(tags, each.ids, each.forced, strict=True) if by
        )


def test_a_free_completion_has_no_forced_token(model: Model, encoder: Encoder, asked: dict[str, Example]) -> None:
    inputs = [encoder.encode(asked["text"], "context_first")]
    (free,) = TransformersEngine(model, encoder.processor.tokenizer).complete(inputs, Decoding(max_new_tokens=5))
    assert free.forced == () and free.chosen == (True,) * len(free.ids)
