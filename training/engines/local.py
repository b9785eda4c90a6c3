"""Completions by transformers in this process: the engine that needs nothing but the model.

While it writes, the head sees the last token alone. The thinkers' own forward makes the logits of a whole prompt
(2.5 GB for 4,096 tokens in float32) of which generation reads one row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

from schemas.training import Decoding
from training.constrained import OrderedTagsProcessor, TagOrder
from training.engines.contract import Written, written
from training.inputs import Inputs, batch, specials
from training.logps import head_weight, selected_logps


class TransformersEngine:
    """Writes `batch_size` completions at a time, all at once where that is None.

    reports: whether completions come with their log-probabilities. They are computed from the states that generation
    itself went through, so they show what its cache and padding did to them.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        batch_size: int | None = None,
        reports: bool = False,
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._batch_size, self._reports = batch_size, reports
        self._orders: dict[Decoding, TagOrder] = {}

    def complete(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        size = self._batch_size or len(inputs) or 1
        chunks = [inputs[first : first + size] for first in range(0, len(inputs), size)]
        return [completion for chunk in chunks for completion in self._write(chunk, decoding)]

    def sync(self, model: PreTrainedModel) -> None:
        self._model = model

    def close(self) -> None:
        self._orders.clear()

    def _write(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        given = _on(self._model, batch(inputs, cast(int, self._tokenizer.pad_token_id), "left"))
        tags = self._tags(decoding)
        with torch.inference_mode(), evaluating(self._model), last_state_only(self._model, self._reports) as states:
            rows = cast(Any, self._model).generate(
                **given,
                generation_config=generation_config(self._model, self._tokenizer, decoding),
                logits_processor=LogitsProcessorList([tags] if tags else []),
            )[:, given["input_ids"].shape[1] :]
            logps = self._logps(states, rows) if self._reports else [None] * len(rows)
        return [
            written(self._tokenizer, ids, tags.forced(row, len(ids)) if tags else (), logps[row])
            for row, ids in enumerate(rows.tolist())
        ]

    def _logps(self, states: list[Tensor], rows: Tensor) -> list[list[float]]:
        hidden = torch.cat(states[: rows.shape[1]], dim=1)
        return selected_logps(hidden, head_weight(self._model), rows).tolist()

    def _tags(self, decoding: Decoding) -> OrderedTagsProcessor | None:
        if decoding.ordered_tags is None:
            return None
        if decoding not in self._orders:
            banned = suppressed(self._tokenizer, self._model.config.get_text_config().vocab_size)
            self._orders[decoding] = TagOrder(self._tokenizer, banned, decoding.ordered_tags, decoding.max_new_tokens)
        return OrderedTagsProcessor(self._orders[decoding])


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Within this, nothing is dropped out: what is written and scored here is the model's, not a thinned one's."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def last_state_only(model: PreTrainedModel, keep: bool = False) -> Iterator[list[Tensor]]:
    """Within this, the head gets the last place of each row alone. Gives those states if kept, (rows, 1, H) a step."""
    states: list[Tensor] = []

    def cut(head: torch.nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        del head
        last = given[0][:, -1:]
        if keep:
            states.append(last)
        return (last, *given[1:])

    hook = cast(Any, model).get_output_embeddings().register_forward_pre_hook(cut)
    try:
        yield states
    finally:
        hook.remove()


def generation_config(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, decoding: Decoding
) -> GenerationConfig:
    """Everything said outright, because what is left unsaid is taken from the checkpoint."""
    return GenerationConfig(
        max_new_tokens=decoding.max_new_tokens,
        do_sample=decoding.temperature > 0,
        temperature=decoding.temperature or 1.0,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        repetition_penalty=1.0,
        num_beams=1,
        suppress_tokens=suppressed(tokenizer, model.config.get_text_config().vocab_size),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def suppressed(tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> list[int]:
    """Tokens that no completion may hold: special ones but the end of turn, and ids that stand for nothing.

    A placeholder in a completion would later be scored as a medium that is not there.
    """
    return sorted({*specials(tokenizer), *range(len(tokenizer), vocabulary)} - {cast(int, tokenizer.eos_token_id)})


def _on(model: PreTrainedModel, given: dict[str, Tensor | bool]) -> dict[str, Any]:
    return {name: value.to(model.device) if isinstance(value, Tensor) else value for name, value in given.items()}
