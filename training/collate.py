"""Examples to fine-tuning batches: the prompt and, as the only labels, what the assistant should write.

Prompt and target are tokenised apart and joined, so the border between them is exact by construction. Nothing is
ever cut: a truncated prompt would lose placeholders of its media.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from schemas.completion import FormatName
from schemas.example import Example
from training.inputs import Encoder, Inputs, merge, pad_ids
from training.prompts import target

IGNORED = -100
"""Label of tokens that are not learnt."""


@dataclass(frozen=True)
class Collator:
    """Called with examples, gives the model's arguments with `labels`, all (examples, tokens), padded right."""

    encoder: Encoder
    format: FormatName

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor | bool]:
        inputs = [self.encoder.encode(example, self.format) for example in examples]
        answers = [self.answer_ids(example) for example in examples]
        pad_id = self.encoder.processor.tokenizer.pad_token_id
        ids, mask = pad_ids([_joined(*row) for row in zip(inputs, answers, strict=True)], pad_id, "right")
        labels, _ = pad_ids([_labels(*row) for row in zip(inputs, answers, strict=True)], IGNORED, "right")
        return {"input_ids": ids, "attention_mask": mask, "labels": labels, **merge(inputs)}

    def answer_ids(self, example: Example) -> tuple[int, ...]:
        """Tokens of the target and the end of the turn."""
        end = self.encoder.processor.tokenizer.eos_token_id
        return (*self.encoder.tokens(target(example, self.format)), end)


def _joined(inputs: Inputs, answer: tuple[int, ...]) -> tuple[int, ...]:
    return inputs.ids + answer


def _labels(inputs: Inputs, answer: tuple[int, ...]) -> tuple[int, ...]:
    return (IGNORED,) * len(inputs.ids) + answer
