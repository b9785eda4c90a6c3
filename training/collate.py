"""Examples to fine-tuning batches: the prompt and, as the only labels, what the assistant should write.

Prompt and target are tokenised apart and joined, so the border between them is exact by construction. Nothing is
ever cut: a truncated prompt would lose placeholders of its media.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from schemas.completion import FormatName
from schemas.example import Example
from schemas.values import UserError
from training.inputs import Encoder, Inputs, merge, pad_ids, specials
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

    def check(self, examples: Iterable[Example]) -> None:
        """Raises UserError for the first target that cannot be learnt, before an hour is spent on those before it."""
        names = [token.content for token in specials(self.encoder.processor.tokenizer).values()]
        for example in examples:
            try:
                text = target(example, self.format)
            except ValueError as error:
                raise UserError(str(error)) from error
            if found := [name for name in names if name in text]:
                raise UserError(
                    f"{example.id}: what is to be learnt holds the special token {found[0]}, which would end the turn "
                    "or stand for a medium: mend or remove the row"
                )


@dataclass(frozen=True)
class InOrder:
    """A collator of places in a run's order that has the rank's next batch read while this one is learnt from.

    rows: of the examples, in the order of the run, whose batches the ranks take in turn.
    """

    collate: Collator
    examples: Sequence[Example]
    rows: Sequence[int]
    ranks: int

    def __call__(self, picked: Sequence[Mapping[str, int]]) -> dict[str, Tensor | bool]:
        places = [each["place"] for each in picked]
        batch = self.collate(self._at(places))
        later = self.ranks * len(places)
        self.collate.encoder.prefetch(self._at([place + later for place in places]))
        return batch

    def _at(self, places: Iterable[int]) -> list[Example]:
        return [self.examples[self.rows[place]] for place in places if place < len(self.rows)]


def _joined(inputs: Inputs, answer: tuple[int, ...]) -> tuple[int, ...]:
    return inputs.ids + answer


def _labels(inputs: Inputs, answer: tuple[int, ...]) -> tuple[int, ...]:
    return (IGNORED,) * len(inputs.ids) + answer
