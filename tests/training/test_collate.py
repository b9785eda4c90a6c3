"""Fine-tuning batches: exactly the target is learnt, and the loss is that of each example alone."""

import pytest
import torch
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from schemas.completion import FormatName
from schemas.example import Example
from training.collate import IGNORED, Collator
from training.inputs import Encoder
from training.prompts import target


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
