"""Completions of a checkpoint: `python -m training.generate JOB.json`.

Examples are taken in shards of `rows_per_shard`; a finished shard appears as one Parquet file under its name, and a
run that starts again skips it. Each shard has its own seed, so the same bytes come out wherever a run was cut off.
Media that cannot be read give rows with `load_error`, never an exception.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from media.errors import MediaError
from schemas.canonical import fingerprint
from schemas.example import Example
from schemas.tables import PREDICTIONS
from schemas.training import Decoding, GenerateJob, GenerateParams
from training.checkpoint import device, load_model, load_processor
from training.inputs import Encoder, Inputs, batch, specials
from training.start import read_examples, start


@dataclass(frozen=True)
class Written:
    """One completion: its tokens with the end of turn, its text without. truncated: the end of turn never came."""

    ids: tuple[int, ...]
    text: str
    truncated: bool


@dataclass(frozen=True)
class Unreadable:
    """An example whose media or text cannot become a prompt."""

    prompt: str
    reason: str


class Policy:
    """A model that answers examples in one way: format, view, media settings and decoding are fixed."""

    def __init__(self, model: PreTrainedModel, encoder: Encoder, params: GenerateParams) -> None:
        self._model, self._encoder, self._params = model, encoder, params

    def predict(self, examples: Sequence[Example], seed: int) -> pa.Table:
        """PREDICTIONS, in the order of examples, then draws. Equal arguments give an equal table."""
        torch.manual_seed(seed)
        encoded = [self._encode(example) for example in examples]
        draws = range(self._params.decoding.draws)
        places = [(row, draw) for row in range(len(encoded)) for draw in draws]
        asked = [place for place in places if isinstance(encoded[place[0]], Inputs)]
        written = dict(zip(asked, self._complete([cast(Inputs, encoded[row]) for row, _ in asked]), strict=True))
        rows = [
            {"id": examples[row].id, "draw": draw, **_row(encoded[row], written.get((row, draw)))}
            for row, draw in places
        ]
        return pa.Table.from_pylist(rows, schema=PREDICTIONS)

    def _encode(self, example: Example) -> Inputs | Unreadable:
        try:
            return self._encoder.encode(example, self._params.format, self._params.view)
        except (MediaError, ValueError) as error:
            return Unreadable(self._encoder.render(example, self._params.format), str(error))

    def _complete(self, inputs: Sequence[Inputs]) -> list[Written]:
        tokenizer, size = self._encoder.processor.tokenizer, self._params.batch_size
        chunks = [inputs[first : first + size] for first in range(0, len(inputs), size)]
        return [
            written for chunk in chunks for written in complete(self._model, tokenizer, chunk, self._params.decoding)
        ]


def complete(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, inputs: Sequence[Inputs], decoding: Decoding
) -> list[Written]:
    """One completion for each of `inputs`, in one padded batch; sampled from torch's global generator."""
    given = batch(inputs, cast(int, tokenizer.pad_token_id), "left")
    given = {name: value.to(model.device) if isinstance(value, Tensor) else value for name, value in given.items()}
    with torch.inference_mode():
        ids = cast(Any, model).generate(**given, generation_config=generation_config(model, tokenizer, decoding))
    return [_written(tokenizer, row) for row in ids[:, cast(Tensor, given["input_ids"]).shape[1] :].tolist()]


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


def write_shards(policy: Policy, examples: Sequence[Example], out: Path, params: GenerateParams) -> None:
    """Write `predictions-00000.parquet` and on, whole or not at all, leaving alone those that are there."""
    out.mkdir(parents=True, exist_ok=True)
    firsts = range(0, len(examples), params.rows_per_shard)
    for number, first in enumerate(firsts):
        shard = out / f"predictions-{number:05d}.parquet"
        if not shard.exists():
            seed = int(fingerprint([params.decoding.seed, number])[:15], 16)
            temporary = shard.with_suffix(".partial")
            pq.write_table(
                policy.predict(examples[first : first + params.rows_per_shard], seed),
                temporary,
                compression="zstd",
            )
            os.replace(temporary, shard)
        print(f"step {number + 1}/{len(firsts)} shards", flush=True)


def main(job: GenerateJob) -> None:
    start(job.parent, job.threads)
    folder, params = Path(job.checkpoint), job.params
    encoder = Encoder(load_processor(folder), params.media, Path(job.blobs))
    model = cast(Any, load_model(folder, params.dtype)).to(device())
    write_shards(Policy(model, encoder, params), read_examples(Path(job.examples)), Path(job.out), params)


def _written(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> Written:
    end = ids.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in ids else None
    kept = ids if end is None else ids[: end + 1]
    return Written(tuple(kept), str(tokenizer.decode(kept, skip_special_tokens=True)), end is None)


def _row(encoded: Inputs | Unreadable, written: Written | None) -> dict[str, object]:
    if isinstance(encoded, Unreadable) or written is None:
        reason = encoded.reason if isinstance(encoded, Unreadable) else None
        return {"prompt": encoded.prompt, "text": "", "tokens": 0, "truncated": False, "load_error": reason}
    return {
        "prompt": encoded.prompt,
        "text": written.text,
        "tokens": len(written.ids),
        "truncated": written.truncated,
        "load_error": None,
    }


if __name__ == "__main__":
    main(GenerateJob.model_validate_json(Path(sys.argv[1]).read_text()))
